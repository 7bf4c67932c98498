# All results on one page: `./run report`. Not among the targets of a bare run, since any result that changes changes it.


rule report:
    input:
        stamp=f"{RESULTS}/report.json",
        ledger=ledger_file(),
        agreement=plan.agreement(),
        figures=expand(f"{RESULTS}/figures/{{figure}}.png", figure=plan.figures),
        pdf=expand(f"{RESULTS}/figures/{{figure}}.pdf", figure=plan.figures),
        results=plan.all_artifacts(),
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    resources:
        **needs("report"),
    conda:
        "../../environment.yml"
    message:
        "the report"
    shell:
        "python scripts/report.py --stamp {input.stamp:q} --figures {input.figures:q} --ledger {input.ledger:q}"
        " --agreement {input.agreement:q} --captions workflow/report --out {output:q} > {log:q} 2>&1"
