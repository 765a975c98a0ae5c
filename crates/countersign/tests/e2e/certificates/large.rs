//! The largest certificates.

use super::site::{Kind, Site, another_authority, keep};
use crate::fronts::reason;
use countersign_testkit::pki::{Key, San, Template};

/// A certificate of about this many bytes, nearly all of them names.
fn names(bytes: usize) -> Vec<String> {
    (0..bytes / 80)
        .map(|number| {
            format!("https://example.org/a/rather/long/name/of/something/that/has/the/number/{number:06}")
        })
        .collect()
}

#[test]
fn a_certificate_of_8_kilobytes_fits_through_nginx_and_a_larger_one_is_refused_whole() {
    let site = Site::start_edited(Kind::Nginx, |folder| {
        let another = another_authority(folder);
        for (name, bytes) in [("large", 7950), ("huge", 12_000)] {
            let uris = names(bytes);
            let mut sans = vec![San::Email("ann@example.org")];
            sans.extend(uris.iter().map(|uri| San::Uri(uri)));
            let template = Template::client(name, Key(3)).names(&sans);
            keep(folder, name, &another.issue(&template), Key(3));
        }
    });
    let der = crate::fronts::read(&site.folder.0.join("large.crt")).len() * 3 / 4;
    assert!(der > 8192, "{der}");
    let answer = site.get_with("/page", Some("large"), &[]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = site.seen();
    let said = seen.said("X-SSL-San");
    assert!(said[0].ends_with("\"]"), "whole: {said:?}");
    assert_eq!(said[0].matches("https://example.org/").count(), names(7950).len());
    assert!(seen.said("X-SSL-Client-Cert")[0].ends_with("-----END%20CERTIFICATE-----%0A"));
    let answer = site.get_with("/page", Some("huge"), &[]);
    assert_eq!(
        (answer.status, reason(&answer).as_str()),
        (403, "identity_too_large")
    );
    assert!(site.upstream.take().is_empty());
}
