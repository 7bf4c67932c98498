rule theory_ridgeless:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "ridgeless")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: ridgeless theory of {wildcards.cell}"
    shell:
        "python scripts/theory_ridgeless.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
