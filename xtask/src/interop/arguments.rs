//! Why somebody may judge a token otherwise than Countersign does. Nearly always Countersign refuses more: whoever lets
//! the token in leaves the question to the application, which has no way to know that it was not asked.

/// Tokens, who judges them otherwise, and why that is as it should be.
struct Argument {
    tokens: &'static [&'static str],
    peers: &'static [&'static str],
    why: &'static str,
}

const EVERYBODY: &[&str] = &["Envoy", "HAProxy", "PyJWT", "joserfc", "jose"];
const LIBRARIES: &[&str] = &["PyJWT", "joserfc", "jose"];
const PROXIES: &[&str] = &["Envoy", "HAProxy"];

const ARGUMENTS: [Argument; 23] = [
    Argument {
        tokens: &["no subject", "an empty subject", "a subject that is a number"],
        peers: EVERYBODY,
        why: "A principal has a name: whom a token without `sub` lets in, nobody can say. The others do not ask for it, \
              or leave its type open.",
    },
    Argument {
        tokens: &["bound to a key that is not shown"],
        peers: EVERYBODY,
        why: "`cnf` (RFC 7800) says that the token alone proves nothing. The others do not read it.",
    },
    Argument {
        tokens: &[
            "the address of keys in the header",
            "a certificate in the header",
            "a key in the header",
        ],
        peers: EVERYBODY,
        why: "Keys that a token brings along are refused by name. The others do not use them either, and say nothing.",
    },
    Argument {
        tokens: &["a type that is no JWT"],
        peers: EVERYBODY,
        why: "A proof made for another purpose is no access token (RFC 8725 section 3.11). The others read `typ` only \
              when they are told to.",
    },
    Argument {
        tokens: &["21 KB"],
        peers: EVERYBODY,
        why: "A token has at most 16 KiB here; the others take what the transport takes.",
    },
    Argument {
        tokens: &[
            "the algorithm twice",
            "a claim twice",
            "a member twice, deep inside",
        ],
        peers: LIBRARIES,
        why: "Of two members of one name the one is checked and the other believed (names are unique: RFC 7515 and RFC \
              7519, section 4): refused at every depth. Python and JavaScript take the last.",
    },
    Argument {
        tokens: &["a member twice, deep inside", "text after the payload"],
        peers: &["HAProxy"],
        why: "HAProxy looks for one member at a time and does not read the document as a whole.",
    },
    Argument {
        tokens: &["a byte order mark before the payload"],
        peers: LIBRARIES,
        why: "JSON in a network protocol has no byte order mark (RFC 8259 section 8.1). Python and JavaScript drop it.",
    },
    Argument {
        tokens: &["200 lists in each other"],
        peers: LIBRARIES,
        why: "Claims nest at most 64 deep here; the libraries go on until something else gives way.",
    },
    Argument {
        tokens: &["an end of 1e300"],
        peers: LIBRARIES,
        why: "An end that no clock reaches is a mistake or worse. The libraries only compare.",
    },
    Argument {
        tokens: &["an end that is a text"],
        peers: &["PyJWT"],
        why: "`exp` is a number (RFC 7519 section 2). PyJWT reads a text as one.",
    },
    Argument {
        tokens: &["issued an hour from now"],
        peers: &["Envoy", "jose"],
        why: "A token from the future is an issuer's wrong clock or a forgery. Envoy and jose do not look at `iat` unless \
              they are told to.",
    },
    Argument {
        tokens: &[
            "an end that is a text",
            "not before an hour from now",
            "not before, as a text",
            "issued an hour from now",
            "issued, as a text",
        ],
        peers: &["HAProxy"],
        why: "HAProxy checks signatures; what else holds are rules its operator writes. Ours there compare `exp` as a \
              number and leave `nbf` and `iat` alone.",
    },
    Argument {
        tokens: &["an end before 1970"],
        peers: &["HAProxy"],
        why: "HAProxy's query takes a number below zero for one far in the future.",
    },
    Argument {
        tokens: &["an unknown critical member", "an unencoded payload promised"],
        peers: PROXIES,
        why: "Who does not understand a critical member must refuse (RFC 7515 section 4.1.11). Envoy and HAProxy do not \
              read `crit`.",
    },
    Argument {
        tokens: &["an empty list of critical members"],
        peers: &["Envoy", "HAProxy", "joserfc"],
        why: "An empty `crit` must not be written (RFC 7515 section 4.1.11).",
    },
    Argument {
        tokens: &[
            "an unknown key id",
            "the key id of the other key",
            "a key id that is a number",
        ],
        peers: &["HAProxy"],
        why: "HAProxy knows no key ids: its operator names one file for each algorithm.",
    },
    Argument {
        tokens: &["no key id"],
        peers: &["PyJWT", "joserfc"],
        why: "One key of the set fits the algorithm, and RFC 7515 section 4.1.4 leaves `kid` optional. joserfc wants one, \
              and of PyJWT's keys our script wants it.",
    },
    Argument {
        tokens: &["padding after the signature"],
        peers: &["Envoy", "PyJWT", "jose"],
        why: "base64url in a JWS has no padding (RFC 7515 section 2): one token, one spelling. The others take it off.",
    },
    Argument {
        tokens: &["unused bits set in the last letter"],
        peers: &["Envoy", "HAProxy", "jose"],
        why: "One token, one spelling (RFC 4648 section 3.5): else a token that was revoked or remembered by its text comes \
              back under another. The others let the bits fall.",
    },
    Argument {
        tokens: &["a full stop at the end"],
        peers: &["Envoy"],
        why: "Three parts are three parts (RFC 7515 section 7.1). Envoy takes an empty one at the end.",
    },
    Argument {
        tokens: &["two audiences, ours the second", "expired half a minute ago"],
        peers: &["HAProxy"],
        why: "Countersign takes these, and rightly (RFC 7519 sections 4.1.3 and 4.1.4): HAProxy 2.6 cannot read a list of \
              audiences, and our rule there knows no leeway.",
    },
    Argument {
        tokens: &["good, PS256", "good, PS384", "good, PS512", "good, EdDSA"],
        peers: &["HAProxy"],
        why: "HAProxy 2.6 verifies neither RSASSA-PSS nor EdDSA.",
    },
];

/// The argument about a token and a peer, if there is one.
pub(crate) fn about(token: &str, peer: &str) -> Option<&'static str> {
    let fits = |argument: &&Argument| argument.tokens.contains(&token) && argument.peers.contains(&peer);
    ARGUMENTS.iter().find(fits).map(|argument| argument.why)
}

/// Every token that is argued about.
pub(crate) fn tokens() -> impl Iterator<Item = &'static str> {
    ARGUMENTS.iter().flat_map(|argument| argument.tokens).copied()
}
