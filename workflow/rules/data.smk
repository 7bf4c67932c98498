rule data_pool:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "reduced")),
    log:
        f"{LOG}/data/{{cell}}.log",
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: draw the task pools of {wildcards.cell}"
    shell:
        "python scripts/data_pool.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
