# The claims of the papers, judged by the artifacts of all experiments that they are about.


rule claims_training_data:
    input:
        stamp=f"{RESULTS}/claims/training-data/{{cell}}.json",
        data=judged_by("training-data"),
    output:
        f"{RESULTS}/claims/training-data/{{cell}}.nc",
    log:
        f"{RESULTS}/logs/claims/training-data/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/training-data/{{cell}}.tsv"
    resources:
        **needs("claims_training_data"),
    conda:
        "../../environment.yml"
    message:
        "claims of the training-data paper"
    shell:
        "python scripts/claims_training_data.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule claims_asymptotic:
    input:
        stamp=f"{RESULTS}/claims/asymptotic/{{cell}}.json",
        data=judged_by("asymptotic"),
    output:
        f"{RESULTS}/claims/asymptotic/{{cell}}.nc",
    log:
        f"{RESULTS}/logs/claims/asymptotic/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/asymptotic/{{cell}}.tsv"
    resources:
        **needs("claims_asymptotic"),
    conda:
        "../../environment.yml"
    message:
        "claims of the asymptotic paper"
    shell:
        "python scripts/claims_asymptotic.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule claims_gradient_flow:
    input:
        stamp=f"{RESULTS}/claims/gradient-flow/{{cell}}.json",
        data=judged_by("gradient-flow"),
    output:
        f"{RESULTS}/claims/gradient-flow/{{cell}}.nc",
    log:
        f"{RESULTS}/logs/claims/gradient-flow/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/gradient-flow/{{cell}}.tsv"
    resources:
        **needs("claims_gradient_flow"),
    conda:
        "../../environment.yml"
    message:
        "claims of the gradient-flow paper"
    shell:
        "python scripts/claims_gradient_flow.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"


rule collect_claims:
    input:
        stamp=f"{RESULTS}/claims.json",
        data=plan.judged(),
    output:
        f"{RESULTS}/claims.nc",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    resources:
        **needs("collect_claims"),
    conda:
        "../../environment.yml"
    message:
        "the ledger of claims"
    shell:
        "python scripts/collect_claims.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"
