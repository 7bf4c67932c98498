rule theory_ridgeless:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "ridgeless")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_ridgeless"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: ridgeless theory of {wildcards.cell}"
    shell:
        "python scripts/theory_ridgeless.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_layer:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "layer")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_layer"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: theory of the trained layer of {wildcards.cell}"
    shell:
        "python scripts/theory_layer.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_scaling:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "scaling")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_scaling"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: test-time scaling of {wildcards.cell}"
    shell:
        "python scripts/theory_scaling.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_descent:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "descent")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_descent"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: gradient descent on the population loss of {wildcards.cell}"
    shell:
        "python scripts/theory_descent.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_equivalent:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "equivalent")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_equivalent"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: general formula for {wildcards.cell}"
    shell:
        "python scripts/theory_equivalent.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_damping:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "damping")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_damping"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: growth rate of damped steps, {wildcards.cell}"
    shell:
        "python scripts/theory_damping.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_attention:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "attention")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_attention"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: theory of fully trained linear attention, {wildcards.cell}"
    shell:
        "python scripts/theory_attention.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_labels:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "label-shift")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_labels"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: linear attention in infinitely long prompts, {wildcards.cell}"
    shell:
        "python scripts/theory_labels.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_flow:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "flow")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_flow"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: gradient flow of {wildcards.cell}"
    shell:
        "python scripts/theory_flow.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_shift:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "shift")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_shift"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: theory of shifted prompts, {wildcards.cell}"
    shell:
        "python scripts/theory_shift.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"


rule theory_answers:
    input:
        stamp=f"{STAGE}/theory/{{cell}}.json",
    output:
        f"{STAGE}/theory/{{cell}}.nc",
    wildcard_constraints:
        experiment=only(plan.family("theory", "random-answers")),
    log:
        f"{LOG}/theory/{{cell}}.log",
    benchmark:
        f"{BENCHMARK}/theory/{{cell}}.tsv"
    resources:
        **needs("theory_answers"),
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: theory of random covariances, {wildcards.cell}"
    shell:
        "python scripts/theory_answers.py --stamp {input.stamp:q} --out {output:q} > {log:q} 2>&1"
