//! How long a server wants its answer kept, from the HTTP cache headers (RFC 9111 sections 4.2 and 5.2).

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};
use std::time::Duration;

/// What is left of `max-age` after `Age`; `None` when the headers say nothing that counts. `no-cache` and `no-store`
/// count for nothing: many issuers put them on every answer, and asking before each token is not what they mean.
pub fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let directives = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let ages = directives.filter_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse::<u64>().ok()?;
        name.trim().eq_ignore_ascii_case("max-age").then_some(seconds)
    });
    let age = headers.get(AGE).and_then(|value| value.to_str().ok());
    let age = age.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    ages.min()
        .map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn max_age_counts_less_the_age_and_nothing_else_does() {
        let check = |cache_control: &[&'static str], age: Option<&'static str>, expect: Option<u64>| {
            let mut headers = HeaderMap::new();
            for line in cache_control {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
            }
            headers.extend(age.map(|age| (AGE, HeaderValue::from_static(age))));
            assert_eq!(
                lifetime(&headers),
                expect.map(Duration::from_secs),
                "{cache_control:?} {age:?}"
            );
        };
        check(&[], None, None);
        check(&["public, max-age=600, must-revalidate"], None, Some(600));
        check(&["max-age=600"], Some("60"), Some(540));
        check(&["max-age=60"], Some("600"), Some(0));
        check(&["Max-Age=\"5\""], None, Some(5));
        check(&["max-age=600", "max-age=30"], None, Some(30));
        check(&["no-store"], None, None);
        check(&["max-age=-1"], None, None);
        check(&["max-age=99999999999999999999"], None, None);
        check(&["s-maxage=10"], None, None);
        check(&["max-age=600"], Some("old"), Some(600));
    }
}
