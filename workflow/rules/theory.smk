rule theory_ridgeless:
    input:
        stamp=STAGE + "theory/{cell}.json",
    output:
        STAGE + "theory/{cell}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "ridgeless")),
    log:
        LOG + "theory/{cell}.log",
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: ridgeless theory of {wildcards.cell}"
    shell:
        "python scripts/theory_ridgeless.py --stamp {input.stamp} --out {output} > {log} 2>&1"
