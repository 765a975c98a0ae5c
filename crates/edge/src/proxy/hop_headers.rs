//! Hop-by-hop headers (RFC 9110 section 7.6.1) end here, in both directions, before ours are written: what `Connection`
//! names can never take away what we add.

use http::header::{
    CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes the hop-by-hop headers and every header that `Connection` names.
pub fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let lines = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let named = lines
            .flat_map(|line| line.split(','))
            .filter_map(|name| name.trim().parse::<HeaderName>().ok());
        for name in named.collect::<Vec<_>>() {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_in_any_case_and_any_number_of_lines_are_taken_away() {
        let mut headers = HeaderMap::new();
        headers.append("connection", "close, X-One".parse().unwrap());
        headers.append("connection", ",x-TWO,".parse().unwrap());
        for name in [
            "x-one",
            "x-two",
            "x-three",
            "te",
            "keep-alive",
            "upgrade",
            "proxy-connection",
            "transfer-encoding",
        ] {
            headers.append(name, "v".parse().unwrap());
        }
        strip(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["x-three"]
        );
    }
}
