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
    resources:
        **needs("figure_depth_curves"),
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
    resources:
        **needs("figure_phase_diagram"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_phase_diagram.py --stamp {input.stamp:q} --map {input.map:q} --trajectories {input.trajectories:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_scaling:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        theory=shown("theory"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/scaling.rst", category="Theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("scaling")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_scaling"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_scaling.py --stamp {input.stamp:q} --theory {input.theory:q} --out {output:q} > {log:q} 2>&1"


rule figure_layer_depth:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        compare=shown("compare"),
        baselines=shown("baselines"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/layer_depth.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("layer_depth")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_layer_depth"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_layer_depth.py --stamp {input.stamp:q} --compare {input.compare:q} --baselines {input.baselines:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_descent:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        theory=shown("theory"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/descent.rst", category="Theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("descent")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_descent"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_descent.py --stamp {input.stamp:q} --theory {input.theory:q} --out {output:q} > {log:q} 2>&1"


rule figure_task_selection:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        selected=shown("selected"),
        target=shown("target"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/task_selection.rst", category="Theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("task_selection")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_task_selection"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_task_selection.py --stamp {input.stamp:q} --selected {input.selected:q} --target {input.target:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_family_curves:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        compare=shown("compare"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/family_curves.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("family_curves")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_family_curves"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_family_curves.py --stamp {input.stamp:q} --compare {input.compare:q} --out {output:q} > {log:q} 2>&1"


rule figure_deployment:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        compare=shown("compare"),
        map=shown("map"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/deployment.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("deployment")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_deployment"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_deployment.py --stamp {input.stamp:q} --compare {input.compare:q} --map {input.map:q} --out {output:q} > {log:q} 2>&1"


rule figure_attention_phase:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        measured=shown("measured"),
        theory=shown("theory"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/attention_phase.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("attention_phase")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_attention_phase"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_attention_phase.py --stamp {input.stamp:q} --measured {input.measured:q} --theory {input.theory:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_learned_matrices:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        layers=shown("layers"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/learned_matrices.rst", category="Experiment"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("learned_matrices")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_learned_matrices"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_learned_matrices.py --stamp {input.stamp:q} --layers {input.layers:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_cot_training:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        errors=shown("errors"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/cot_training.rst", category="Experiment"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("cot_training")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_cot_training"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_cot_training.py --stamp {input.stamp:q} --errors {input.errors:q} --out {output:q} > {log:q} 2>&1"


rule figure_gpt2_depth:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        errors=shown("errors"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/gpt2_depth.rst", category="Experiment"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("gpt2_depth")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_gpt2_depth"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_gpt2_depth.py --stamp {input.stamp:q} --errors {input.errors:q} --out {output:q} > {log:q} 2>&1"


rule figure_gpt2_shift:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        errors=shown("errors"),
        theory=shown("theory"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/gpt2_shift.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("gpt2_shift")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_gpt2_shift"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_gpt2_shift.py --stamp {input.stamp:q} --errors {input.errors:q} --theory {input.theory:q} --out {output:q} > {log:q} 2>&1"


rule figure_gradient_flow:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        theory=shown("theory"),
        descent=shown("descent"),
        starts=shown("starts"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/gradient_flow.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("gradient_flow")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_gradient_flow"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_gradient_flow.py --stamp {input.stamp:q} --theory {input.theory:q} --descent {input.descent:q}"
        " --starts {input.starts:q}"
        " --out {output:q} > {log:q} 2>&1"


rule figure_distribution_shift:
    input:
        stamp=f"{RESULTS}/figures/{{figure}}.json",
        theory=shown("theory"),
        measured=shown("measured"),
        answers=shown("answers"),
        simulated=shown("simulated"),
    output:
        png=report(f"{RESULTS}/figures/{{figure}}.png", caption="../report/distribution_shift.rst", category="Experiment and theory"),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    wildcard_constraints:
        figure=only(plan.drawn_by("distribution_shift")),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    resources:
        **needs("figure_distribution_shift"),
    conda:
        "../../environment.yml"
    message:
        "figure {wildcards.figure}"
    shell:
        "python scripts/figure_distribution_shift.py --stamp {input.stamp:q} --theory {input.theory:q}"
        " --measured {input.measured:q} --answers {input.answers:q} --simulated {input.simulated:q}"
        " --out {output:q} > {log:q} 2>&1"
