use super::*;

fn session(name: &str, subject: &str) -> Value {
    json!({
        "name": name, "subject": subject, "login": "login.home", "host": "app.test",
        "began": "2030-01-01T00:00:00.000Z", "ends": "2030-01-02T00:00:00.000Z", "sid": null,
    })
}

#[test]
fn a_list_is_a_table_in_which_nobody_writes_but_us() {
    let lines = table(&[
        session("0123456789abcdef", "ann"),
        session("fedcba9876543210", "b\u{1b}[2J\u{202e}ob"),
    ]);
    assert_eq!(
        lines[0],
        "session           user                login       host      began                     ends"
    );
    assert!(lines[1].starts_with("0123456789abcdef  ann "), "{}", lines[1]);
    assert!(lines[2].contains("b\\u001b[2J\\u202eob"), "{}", lines[2]);
}

#[test]
fn whose_sessions_is_a_pair_or_everybodys() {
    let pair = |one: &str, two: &str| Some(vec![one.to_owned(), two.to_owned()]);
    let none = Whose {
        user: None,
        sid: None,
    };
    assert_eq!(none.which(), Which::All);
    let user = Whose {
        user: pair("https://op.test", "ann"),
        sid: None,
    };
    assert_eq!(user.which(), Which::User("https://op.test".into(), "ann".into()));
    let sid = Whose {
        user: None,
        sid: pair("https://op.test", "1"),
    };
    assert_eq!(sid.which(), Which::Sid("https://op.test".into(), "1".into()));
}
