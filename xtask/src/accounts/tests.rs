//! Pages with one fault each, and what is said of them.

use super::{Account, Evidence, Owes, PARITY, parity_ids, verdict};

const SMALL: Account = Account {
    page: "small.md",
    ids: || vec!["A-1".to_owned(), "A-2".to_owned()],
    verdicts: &[
        verdict("kept", "kept", Owes::Evidence),
        verdict("not applicable", "not-applicable", Owes::Reason),
        verdict("open", "open", Owes::Nothing),
    ],
};

const HEAD: &str = "# Title\n\n| id | what it is | verdict | shown by | note |\n|---|---|---|---|---|\n";

fn evidence() -> Evidence {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Evidence {
        exists: |page| ["tokens/good.md", "tokens/late.md"].contains(&page),
        scenarios: set(&["tokens/good.md"]),
        tests: set(&["tidy::a_rule", "one::tests::twice", "two::tests::twice"]),
    }
}

fn judged(rows: &str) -> Result<String, String> {
    SMALL.judge(&format!("{HEAD}{rows}"), &evidence())
}

#[test]
fn a_sound_page_is_counted() {
    let rows = "| A-1 | a | kept | scenarios/tokens/good.md<br>test a_rule | |\n\
                | A-2 | b | not applicable | | until later |\n";
    assert_eq!(judged(rows).unwrap(), "rows 2 kept 1 not-applicable 1 open 0");
}

#[test]
fn every_fault_names_its_row() {
    let second = "| A-2 | b | open | | |\n";
    for (first, fault) in [
        ("", "row A-1: it is missing"),
        (
            "| A-1 | a | open | | |\n| A-1 | a | open | | |\n",
            "row A-1: it is there twice",
        ),
        (
            "| A-1 | a | open | | |\n| A-3 | a | open | | |\n",
            "row A-3: no such row is to be answered",
        ),
        ("| A-1 | a | open | |\n", "row A-1: 4 cells where 5 are wanted"),
        (
            "| A-1 | a | keptt | | |\n",
            "row A-1: \"keptt\" is no verdict; known are kept, not applicable, open",
        ),
        (
            "| A-1 | a | kept | | why |\n",
            "row A-1: kept, and nothing shows it",
        ),
        (
            "| A-1 | a | not applicable | | |\n",
            "row A-1: not applicable, and neither a test nor a note says why",
        ),
        (
            "| A-1 | a | kept | scenarios/tokens/none.md | |\n",
            "row A-1: scenarios/tokens/none.md does not exist",
        ),
        (
            "| A-1 | a | kept | scenarios/tokens/late.md | |\n",
            "row A-1: scenarios/tokens/late.md did not run, or failed",
        ),
        (
            "| A-1 | a | open | test rule | |\n",
            "row A-1: no test rule ran and passed",
        ),
        (
            "| A-1 | a | open | test tests::twice | |\n",
            "row A-1: tests::twice may be one::tests::twice or two::tests::twice: write more of it",
        ),
        (
            "| A-1 | a | open | tokens/good.md | |\n",
            "row A-1: \"tokens/good.md\" is neither `scenarios/PATH.md` nor `test NAME`",
        ),
    ] {
        let told = judged(&format!("{first}{second}")).unwrap_err();
        assert_eq!(told, format!("small.md:\n  {fault}"), "{first}");
    }
}

#[test]
fn parity_has_325_rows() {
    assert_eq!(parity_ids().len(), 325);
    assert_eq!((PARITY.ids)().len(), 325);
}
