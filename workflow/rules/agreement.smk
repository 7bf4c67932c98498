# The agreement table: every experiment that has a theory, beside it.


rule agreement:
    input:
        stamp=f"{RESULTS}/agreement/table/{{cell}}.json",
        data=lambda wildcards: plan.agreement_inputs(),
    output:
        f"{RESULTS}/agreement/table/{{cell}}.nc",
    log:
        f"{RESULTS}/logs/agreement/table/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/agreement/table/{{cell}}.tsv"
    resources:
        **needs("agreement"),
    conda:
        "../../environment.yml"
    message:
        "agreement of experiments with theory"
    shell:
        "python scripts/agreement.py --stamp {input.stamp:q} --data {input.data:q} --out {output:q} > {log:q} 2>&1"
