rule train_reduced:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
        data=upstream("train", "data"),
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "reduced")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_reduced"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: fit the reduced model to the task pools of {wildcards.cell}"
    shell:
        "python scripts/train_reduced.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule train_lsa:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
        data=upstream("train", "data"),
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "lsa")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_lsa"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train linear attention on the prompt pools of {wildcards.cell}"
    shell:
        "python scripts/train_lsa.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule train_selection:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
        data=upstream("train", "data"),
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "task-selection")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_selection"),
    conda:
        "../../environment.yml"
    priority: 1  # the longest chain of jobs: begun last, it would end alone
    message:
        "{wildcards.experiment}: select among the tasks of {wildcards.cell}"
    shell:
        "python scripts/train_selection.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule train_families:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
        data=upstream("train", "data"),
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "families")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_families"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: fit the reduced model to the task families of {wildcards.cell}"
    shell:
        "python scripts/train_families.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule train_attention:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
        data=upstream("train", "data"),
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "attention")),
    params:
        device=plan.device,  # of no influence on the result, and so not in the stamp
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_attention"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train all matrices of attention, {wildcards.cell}"
    shell:
        "python scripts/train_attention.py --stamp {input.stamp:q} --data {input.data:q} --device {params.device} --out {output:q} > {log:q} 2>&1"


rule train_chains:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "chain-training")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_chains"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train linear attention with chain of thought, {wildcards.cell}"
    shell:
        "python scripts/train_chains.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule train_thought:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "gpt2-thought")),
    params:
        device=plan.device,  # of no influence on the result, and so not in the stamp
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_thought"),
    conda:
        "../../environment.yml"
    priority: 1  # the longest jobs: begun last, one would end alone
    message:
        "{wildcards.experiment}: train GPT-2 to think, {wildcards.cell}"
    shell:
        "python scripts/train_thought.py --stamp {input.stamp:q} --device {params.device} --out {output:q} > {log:q} 2>&1"


rule train_labels:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "gpt2-labels")),
    params:
        device=plan.device,  # of no influence on the result, and so not in the stamp
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_labels"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train GPT-2 to predict labels, {wildcards.cell}"
    shell:
        "python scripts/train_labels.py --stamp {input.stamp:q} --device {params.device} --out {output:q} > {log:q} 2>&1"


rule train_flow:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "flow")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_flow"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train on the population loss of {wildcards.cell}"
    shell:
        "python scripts/train_flow.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule train_starts:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "flow-starts")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_starts"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: flow from random matrices, {wildcards.cell}"
    shell:
        "python scripts/train_starts.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule train_shift:
    input:
        stamp=f"{STAGE}/train/{{cell}}.json",
    output:
        f"{STAGE}/train/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("train", "shift")),
    log:
        f"{LOG}/train/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/train/{{cell}}.tsv"
    resources:
        **needs("train_shift"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: train layers on samples of prompts, {wildcards.cell}"
    shell:
        "python scripts/train_shift.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
