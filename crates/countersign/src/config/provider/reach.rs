//! The provider's own host beside the listeners that there are: whether anybody can show a certificate there, and whether everybody
//! else gets what is everybody's.

use super::super::diagnostic::Diagnostic;
use super::super::route::remark::certificates::asking;
use super::super::shape::Document;
use countersign_authn::provider::{Provider, TABLE};
use countersign_core::route::HostPattern;

/// What is to be said of it.
pub(super) fn told(document: &Document, provider: &Provider) -> Option<Diagnostic> {
    let values = &document.values;
    if values.tables("listen").is_empty() || document.is_faulty(&["listen"]) {
        return None;
    }
    let host = provider.issuer.host().name();
    let asking = asking(values, &[HostPattern::parse(host).ok()?]);
    let judges = values.table(TABLE)?.texts("certificates");
    let judges = judges.map(|name| format!("{name:?}")).collect::<Vec<_>>();
    let place = document.place(&[TABLE, "issuer"].map(str::to_owned));
    if asking.is_empty() {
        let message = format!("nobody can log in: no listener asks for a certificate at {host}");
        let help = format!(
            "client_certificates = {{ mode = \"ask\", by = [{}] }} in the [[listen.host]] of that name, or forwarded_certificate \
             where a proxy in front passes them on",
            judges.join(", ")
        );
        return Some(Diagnostic::warning(place, message).help(help));
    }
    let is_required = asking.iter().any(|asks| asks.required);
    is_required.then(|| {
        let message = format!(
            "{host} is closed to whoever shows no certificate: gateways and applications elsewhere cannot fetch the provider's keys, \
             nor tokens, and people without one are not told what to do"
        );
        let help = "mode = \"ask\" in the `client_certificates` of that host: logging in takes a certificate all the same";
        Diagnostic::warning(place, message).help(help)
    })
}
