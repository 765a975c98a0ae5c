//! JSONTestSuite: what every JSON parser must take is taken where a claim may stand, what none may take is not, and
//! where parsers differ the strict reading is ours. `data/README.md` says where the documents are from.

#![expect(clippy::unwrap_used, reason = "a test panics when it must")]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use countersign_jose::json::parse_object;
use countersign_jose::token::UnverifiedToken;

/// Valid to a parser, and with two readings: refused here (RFC 7515 section 4, RFC 7519 section 4).
const TWO_READINGS: [&str; 2] = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"];
/// Left to the parser by the suite, and taken here: numbers that a double can only come near. Claims that count (`exp`
/// and its like) have bounds of their own.
const LEFT_TO_THE_PARSER_AND_TAKEN: [&str; 5] = [
    "i_number_double_huge_neg_exp",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
];

fn documents() -> Vec<(String, Vec<u8>)> {
    let lines = include_str!("data/json_test_suite.txt").lines();
    let mut documents = lines
        .map(|line| {
            let (name, encoded) = line.split_once(' ').unwrap();
            (name.to_owned(), BASE64_STANDARD.decode(encoded).unwrap())
        })
        .collect::<Vec<_>>();
    documents.push((
        "n_structure_100000_opening_arrays".to_owned(),
        b"[".repeat(100_000),
    ));
    documents.push((
        "n_structure_open_array_object".to_owned(),
        b"[{\"\":".repeat(50_000),
    ));
    assert_eq!(documents.len(), 318);
    documents
}

#[test]
fn every_document_has_one_reading_or_none() {
    let mut taken = Vec::new();
    for (name, document) in documents() {
        let claim = [b"{\"claim\":".as_slice(), &document, b"}"].concat();
        let read = parse_object(&claim).is_ok();
        match name.as_bytes()[0] {
            b'y' => assert_eq!(read, !TWO_READINGS.contains(&name.as_str()), "{name}"),
            b'n' => assert!(!read, "{name}"),
            _ => {
                if read {
                    taken.push(name);
                }
            }
        }
    }
    assert_eq!(taken, LEFT_TO_THE_PARSER_AND_TAKEN);
}

#[test]
fn no_document_in_a_header_or_payload_is_more_than_a_refusal() {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    for (name, document) in documents() {
        let header = [b"{\"alg\":\"RS256\",\"x\":".as_slice(), &document, b"}"].concat();
        let token = format!("{}.e30.AA", encode(&header));
        if UnverifiedToken::parse(&token).is_ok() {
            assert!(!name.starts_with("n_"), "{name}");
        }
        assert!(
            UnverifiedToken::parse(&format!("{}.e30.AA", encode(&document))).is_err(),
            "{name}"
        );
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{}.AA", encode(&document));
        if let Ok(token) = UnverifiedToken::parse(&token)
            && let Ok(issuer) = token.issuer_unverified()
        {
            assert_eq!(issuer, None, "{name}");
        }
    }
}
