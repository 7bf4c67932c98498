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
    conda:
        "../../environment.yml"
    message:
        "{wildcards.experiment}: experiment beside theory, {wildcards.cell}"
    shell:
        "python scripts/compare_finite_size.py --stamp {input.stamp:q} --evaluate {input.evaluate:q} --theory {input.theory:q}"
        " --out {output:q} > {log:q} 2>&1"
