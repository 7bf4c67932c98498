rule figure_depth_curves:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        compare=shown("compare"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/depth_curves.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("depth_curves")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_depth_curves.py --stamp {input.stamp:q} --compare {input.compare:q} --out {output:q} > {log:q} 2>&1"


rule figure_phase_diagram:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        map=shown("map"),
        trajectories=shown("trajectories"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/phase_diagram.rst", category="Theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("phase_diagram")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_phase_diagram.py --stamp {input.stamp:q} --map {input.map:q} --trajectories {input.trajectories:q}"
        " --out {output:q} > {log:q} 2>&1"
