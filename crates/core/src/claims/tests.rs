//! Reading and writing documents.

use super::builder::MAX_DEPTH;
use super::*;

fn sample() -> Claims {
    let mut builder = ClaimsBuilder::default();
    let build = |b: &mut ClaimsBuilder| -> Result<(), ClaimsError> {
        b.open_object()?;
        b.key("sub")?;
        b.string("ann")?;
        b.key("realm_access")?;
        b.open_object()?;
        b.key("roles")?;
        b.open_array()?;
        b.string("ops")?;
        b.string("dev")?;
        b.close()?;
        b.close()?;
        b.key("exp")?;
        b.number("1893456060.5")?;
        b.key("mail")?;
        b.bool(true)?;
        b.close()
    };
    build(&mut builder).unwrap();
    builder.finish().unwrap()
}

#[test]
fn members_are_found_at_every_depth() {
    let claims = sample();
    assert_eq!(claims.member("sub").and_then(Value::as_str), Some("ann"));
    assert_eq!(claims.member("mail").and_then(Value::as_bool), Some(true));
    assert_eq!(
        claims
            .member("exp")
            .and_then(Value::as_number)
            .and_then(Number::as_f64),
        Some(1_893_456_060.5)
    );
    let roles = claims
        .at(&ClaimPath::parse("realm_access.roles").unwrap())
        .and_then(Value::as_array)
        .unwrap();
    assert_eq!(
        roles.filter_map(Value::as_str).collect::<Vec<_>>(),
        ["ops", "dev"]
    );
    assert!(claims.at(&ClaimPath::parse("sub.roles").unwrap()).is_none());
    assert!(
        claims.member("roles").is_none(),
        "an inner member is not a top-level one"
    );
}

#[test]
fn a_member_that_occurs_twice_is_refused_in_its_object_only() {
    let mut builder = ClaimsBuilder::default();
    builder.open_object().unwrap();
    builder.key("a").unwrap();
    builder.open_object().unwrap();
    builder.key("b").unwrap();
    builder.null().unwrap();
    builder.close().unwrap();
    builder.key("b").unwrap();
    builder.string("a").unwrap();
    assert_eq!(builder.key("a"), Err(ClaimsError::DuplicateMember));
}

#[test]
fn a_member_that_occurs_twice_in_a_large_object_is_refused_when_it_ends() {
    let object = |keys: &[String]| {
        let mut builder = ClaimsBuilder::default();
        builder.open_object()?;
        for key in keys {
            builder.key(key)?;
            builder.open_array()?;
            builder.string("0")?;
            builder.close()?;
        }
        builder.close()?;
        builder.finish().map(|_| ())
    };
    let mut keys = (0..512).map(|key| format!("{key}")).collect::<Vec<_>>();
    assert_eq!(object(&keys), Ok(()));
    for (at, twice) in [(31, 0), (32, 0), (511, 0), (511, 510), (300, 40)] {
        let kept = std::mem::replace(&mut keys[at], format!("{twice}"));
        assert_eq!(object(&keys), Err(ClaimsError::DuplicateMember), "{at} {twice}");
        keys[at] = kept;
    }
    keys.push("one more".to_owned());
    assert_eq!(object(&keys), Err(ClaimsError::TooLarge));
}

#[test]
fn an_unfinished_or_bare_document_is_refused() {
    let mut open = ClaimsBuilder::default();
    open.open_object().unwrap();
    assert_eq!(open.finish().err(), Some(ClaimsError::NotAnObject));
    let mut bare = ClaimsBuilder::default();
    bare.string("x").unwrap();
    assert_eq!(bare.finish().err(), Some(ClaimsError::NotAnObject));
}

#[test]
fn nesting_is_bounded() {
    let mut builder = ClaimsBuilder::default();
    let mut last = Ok(());
    for _ in 0..=MAX_DEPTH {
        last = builder.open_array();
    }
    assert_eq!(last, Err(ClaimsError::TooDeep));
}

#[test]
fn a_path_escapes_dots_and_refuses_empty_names() {
    assert_eq!(ClaimPath::parse(r"https://a\.b/roles").unwrap().0.len(), 1);
    assert!(ClaimPath::parse("a..b").is_none());
    assert!(ClaimPath::parse("").is_none());
}
