rule data_pool:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "reduced")),
    log:
        f"{LOG}/data/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/data/{{cell}}.tsv"
    resources:
        **needs("data_pool"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: draw the task pools of {wildcards.cell}"
    shell:
        "python scripts/data_pool.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule data_prompts:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "lsa")),
    log:
        f"{LOG}/data/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/data/{{cell}}.tsv"
    resources:
        **needs("data_prompts"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: draw the prompt pools of {wildcards.cell}"
    shell:
        "python scripts/data_prompts.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule data_tasks:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "task-selection")),
    log:
        f"{LOG}/data/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/data/{{cell}}.tsv"
    resources:
        **needs("data_tasks"),
    conda:
        "../../environment.yml"
    priority: 1  # the longest chain of jobs: begun last, it would end alone
    message:
        "{wildcards.experiment}: draw the tasks of {wildcards.cell}"
    shell:
        "python scripts/data_tasks.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule data_families:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "families")),
    log:
        f"{LOG}/data/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/data/{{cell}}.tsv"
    resources:
        **needs("data_families"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: draw the task families of {wildcards.cell}"
    shell:
        "python scripts/data_families.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule data_attention:
    input:
        stamp=f"{STAGE}/data/{{cell}}.json",
    output:
        f"{STAGE}/data/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("data", "attention")),
    log:
        f"{LOG}/data/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/data/{{cell}}.tsv"
    resources:
        **needs("data_attention"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: draw the prompt pools of {wildcards.cell}"
    shell:
        "python scripts/data_attention.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
