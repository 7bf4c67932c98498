"""Write the report: figures, claims, agreement, explorer, parameters, versions and run times on one page."""

from cotdepth.job import run


def main(job):
    from cotdepth.report.page import build_page

    ledger, [captions] = list(zip(job.paths("ledger"), job.read("ledger"))), job.paths("captions")
    page = build_page(job.spec, job.folder, captions, figures=job.paths("figures"), ledger=ledger, agreement=job.read("agreement"))
    job.write_page(page)


if __name__ == "__main__":
    run(main, inputs=["figures", "ledger", "agreement", "captions"])
