rule evaluate_reduced:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        data=upstream("evaluate", "data"),
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "reduced")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_reduced"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out the reduced model of {wildcards.cell}"
    shell:
        "python scripts/evaluate_reduced.py --stamp {input.stamp:q} --data {input.data:q} --train {input.train:q} --out {output:q}"
        " > {log:q} 2>&1"


rule compare_finite_size:
    input:
        stamp=f"{STAGE}/compare/{{cell}}.json",
        evaluate=upstream("compare", "evaluate"),
        theory=upstream("compare", "theory"),
    output:
        f"{STAGE}/compare/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("compare", "finite-size")),
    log:
        f"{LOG}/compare/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/compare/{{cell}}.tsv"
    resources:
        **needs("compare_finite_size"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: experiment beside theory, {wildcards.cell}"
    shell:
        "python scripts/compare_finite_size.py --stamp {input.stamp:q} --evaluate {input.evaluate:q} --theory {input.theory:q}"
        " --out {output:q} > {log:q} 2>&1"


rule evaluate_lsa:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "lsa")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_lsa"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out the layers of {wildcards.cell}"
    shell:
        "python scripts/evaluate_lsa.py --stamp {input.stamp:q} --train {input.train:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_baselines:
    input:
        stamp=f"{STAGE}/baselines/{{cell}}.json",
    output:
        f"{STAGE}/baselines/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("baselines", "lsa")),
    log:
        f"{LOG}/baselines/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/baselines/{{cell}}.tsv"
    resources:
        **needs("evaluate_baselines"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: least squares, ridge, gradient descent and Newton, {wildcards.cell}"
    shell:
        "python scripts/evaluate_baselines.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_at_pools:
    input:
        stamp=f"{STAGE}/pool_theory/{{cell}}.json",
        data=upstream("pool_theory", "data"),
        train=upstream("pool_theory", "train"),
    output:
        f"{STAGE}/pool_theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("pool_theory", "layer")),
    log:
        f"{LOG}/pool_theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/pool_theory/{{cell}}.tsv"
    resources:
        **needs("theory_at_pools"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: exact theory at each prompt pool of {wildcards.cell}"
    shell:
        "python scripts/theory_at_pools.py --stamp {input.stamp:q} --data {input.data:q} --train {input.train:q} --out {output:q} > {log:q} 2>&1"


rule compare_layers:
    input:
        stamp=f"{STAGE}/compare/{{cell}}.json",
        evaluate=upstream("compare", "evaluate"),
        theory=upstream("compare", "theory"),
        pool_theory=upstream("compare", "pool_theory"),
    output:
        f"{STAGE}/compare/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("compare", "layer")),
    log:
        f"{LOG}/compare/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/compare/{{cell}}.tsv"
    resources:
        **needs("compare_layers"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: trained layers beside theory, {wildcards.cell}"
    shell:
        "python scripts/compare_layers.py --stamp {input.stamp:q} --evaluate {input.evaluate:q} --theory {input.theory:q}"
        " --pool_theory {input.pool_theory:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_selection:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        data=upstream("evaluate", "data"),
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "task-selection")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_selection"),
    conda:
        "../../environment.yml"
    priority: 1  # the longest chain of jobs: begun last, it would end alone
    message:
        "{wildcards.experiment}: errors on the target of {wildcards.cell}"
    shell:
        "python scripts/evaluate_selection.py --stamp {input.stamp:q} --data {input.data:q} --train {input.train:q}"
        " --out {output:q} > {log:q} 2>&1"


rule evaluate_families:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        data=upstream("evaluate", "data"),
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "families")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_families"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out on new and on training tasks, {wildcards.cell}"
    shell:
        "python scripts/evaluate_families.py --stamp {input.stamp:q} --data {input.data:q} --train {input.train:q}"
        " --out {output:q} > {log:q} 2>&1"


rule evaluate_attention:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "attention")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_attention"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out the fully trained layers of {wildcards.cell}"
    shell:
        "python scripts/evaluate_attention.py --stamp {input.stamp:q} --train {input.train:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_chains:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "chain-training")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_chains"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out the layers of {wildcards.cell} as they were during training"
    shell:
        "python scripts/evaluate_chains.py --stamp {input.stamp:q} --train {input.train:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_thought:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "gpt2-thought")),
    params:
        device=plan.device,  # of no influence on the result, and so not in the stamp
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_thought"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: let the models of {wildcards.cell} think"
    shell:
        "python scripts/evaluate_thought.py --stamp {input.stamp:q} --train {input.train:q} --device {params.device} --out {output:q} > {log:q} 2>&1"


rule evaluate_labels:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "gpt2-labels")),
    params:
        device=plan.device,  # of no influence on the result, and so not in the stamp
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_labels"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: ask the models of {wildcards.cell} for labels"
    shell:
        "python scripts/evaluate_labels.py --stamp {input.stamp:q} --train {input.train:q} --device {params.device} --out {output:q} > {log:q} 2>&1"


rule evaluate_shift:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
        train=upstream("evaluate", "train"),
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "shift")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_shift"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: answer the shifted prompts of {wildcards.cell}"
    shell:
        "python scripts/evaluate_shift.py --stamp {input.stamp:q} --train {input.train:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_answers:
    input:
        stamp=f"{STAGE}/evaluate/{{cell}}.json",
    output:
        f"{STAGE}/evaluate/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("evaluate", "random-answers")),
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/evaluate/{{cell}}.tsv"
    resources:
        **needs("evaluate_answers"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: answer prompts of random covariances, {wildcards.cell}"
    shell:
        "python scripts/evaluate_answers.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
