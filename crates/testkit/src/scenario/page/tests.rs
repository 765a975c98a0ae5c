use super::*;

const PAGE: &str = "# A page

Prose, and a table that is prose:

| a | b |
|---|---|
| 1 | 2 |

```toml config
[x]
```
```http at=+1m token=ann with='{\"a\": 1}'
GET /things
```
```answer
401 token_expired
!x-auth-subject
```

```http token=ann <change>
GET <path>
```

| change | path | answer |
|---|---|---|
| `aud=other exp=+1s` | `/a\\|b` | 401 `audience_wrong` |
| | / | 200 allowed |

```world
op down
```
````toml refused
```
````
```answer
unknown
```
";

fn ask(step: &Step) -> &Ask {
    let What::Ask(ask) = &step.what else {
        panic!("{step:?}")
    };
    ask
}

fn pairs(ask: &Ask) -> Vec<(&str, &str)> {
    ask.attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn a_page_becomes_steps_in_its_order() {
    let page = Page::parse("a.md", PAGE).unwrap();
    assert_eq!(page.steps.len(), 6);
    assert!(matches!(&page.steps[0].what, What::Configure { shared: None, text } if text == "[x]\n"));
    let first = ask(&page.steps[1]);
    assert_eq!(
        pairs(first),
        [("at", "+1m"), ("token", "ann"), ("with", "{\"a\": 1}")]
    );
    assert_eq!(first.request, "GET /things\n");
    assert_eq!(
        first.answer[1],
        Line {
            number: 17,
            text: "!x-auth-subject".into()
        }
    );
    let row = ask(&page.steps[2]);
    assert_eq!(pairs(row), [("token", "ann"), ("aud", "other"), ("exp", "+1s")]);
    assert_eq!(row.request, "GET /a|b\n");
    assert_eq!(
        row.answer,
        [Line {
            number: 26,
            text: "401 audience_wrong".into()
        }]
    );
    assert_eq!(pairs(ask(&page.steps[3])), [("token", "ann")]);
    assert!(matches!(&page.steps[4].what, What::World(lines) if lines[0].text == "op down"));
    assert!(
        matches!(&page.steps[5].what, What::Refuse { text, answer, reload: false } if text == "```\n" && answer[0] == "unknown")
    );
}

#[test]
fn a_page_that_shows_nothing_or_is_not_understood_is_refused() {
    let check = |text: &str, message: &str| {
        let refused = Page::parse("a.md", text).unwrap_err().to_string();
        assert!(refused.contains(message), "{refused}");
    };
    check("# A\n\nprose\n", "asks nothing");
    check("prose\n```http\nGET /\n```\n```answer\n200\n```\n", "title");
    check("# A\n```http\nGET /\n```\n", "without an answer");
    check("# A\n```answer\n200\n```\n", "an answer to nothing");
    check("# A\n```htp\nGET /\n```\n", "nobody understands");
    check("# A\n```http\nGET /\n", "does not end");
    check(
        "# A\n```http\nGET /\n```\n\n| x | answer |\n|---|---|\n| a | 200 |\n",
        "nothing uses the column `x`",
    );
    check(
        "# A\n```http\nGET <x>\n```\n\n| x |\n|---|\n| a |\n",
        "no column `answer`",
    );
    check("# A\n```toml refused\n```\n", "without an answer");
}
