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
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: roll out the reduced model of {wildcards.cell}"
    shell:
        "python scripts/evaluate_reduced.py --stamp {input.stamp} --data {input.data} --train {input.train} --out {output}"
        " > {log} 2>&1"


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
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: experiment beside theory, {wildcards.cell}"
    shell:
        "python scripts/compare_finite_size.py --stamp {input.stamp} --evaluate {input.evaluate} --theory {input.theory}"
        " --out {output} > {log} 2>&1"
