//! `[listen.tls]` and `[[listen.host]]`: whose certificate is shown under which name.

use super::super::diagnostic::Diagnostic;
use super::super::shape::Document;
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_core::route::HostPattern;
use countersign_edge::tls::{
    ChainFault, KeyFault, Protocols, ServerCertificate, TlsHost, TlsHosts, TlsVersions,
};
use std::sync::Arc;

/// Where what is no fault is said.
pub(super) struct Remarks<'a> {
    pub(super) document: &'a Document,
    /// The way to the listener.
    pub(super) way: &'a [String],
    pub(super) told: &'a mut Vec<Diagnostic>,
}

impl Remarks<'_> {
    fn warn(&mut self, host: usize, key: &[&str], message: String, help: &str) {
        let below = ["host".to_owned(), host.to_string()];
        let key = key.iter().map(|key| (*key).to_owned());
        let way = self
            .way
            .iter()
            .cloned()
            .chain(below)
            .chain(key)
            .collect::<Vec<_>>();
        let place = self.document.place(&way);
        self.told.push(Diagnostic::warning(place, message).help(help));
    }
}

/// The hosts of a listener, if it has some. Without a fault there are as many as were named.
pub(super) fn hosts(
    values: &Values,
    speak: &str,
    remarks: &mut Remarks<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Arc<TlsHosts>> {
    let tables = values.tables("host");
    if values.has("tls") && tables.is_empty() {
        let message = "TLS is spoken where there are hosts, and there are none";
        faults.push(Fault::new("tls", message).help("[[listen.host]] with names, certificate and key"));
    }
    let only_13 = values.table("tls").and_then(|tls| tls.text("min_version")) == Some("1.3");
    let versions = if only_13 {
        TlsVersions::Only13
    } else {
        TlsVersions::From12
    };
    let protocols = if speak == "reverse-proxy" {
        Protocols::Both
    } else {
        Protocols::Http1
    };
    let (mut all, mut taken) = (Vec::new(), Vec::new());
    for (index, host) in tables.iter().enumerate() {
        let mut within = |fault: Fault| faults.push(fault.within(index.to_string()).within("host"));
        let names = names(host, &mut taken, &mut within);
        let Some(certificate) = certificate(host, &mut within) else {
            continue;
        };
        for (place, name) in names.iter().enumerate() {
            if !certificate.is_for(&name.to_string()) {
                let message = format!("the certificate is not one for {name}: clients that check it go away");
                remarks.warn(
                    index,
                    &["names", &place.to_string()],
                    message,
                    "a certificate with this name among its DNS names",
                );
            }
        }
        match TlsHost::new(certificate, versions, protocols) {
            Ok(host) => all.push((names, host)),
            Err(error) => within(Fault::new("certificate", error.to_string())),
        }
    }
    TlsHosts::new(all).map(Arc::new)
}

/// The names of one host; none of them twice on a listener.
fn names(host: &Values, taken: &mut Vec<HostPattern>, within: &mut impl FnMut(Fault)) -> Vec<HostPattern> {
    let mut names = Vec::new();
    for (place, text) in host.texts("names").enumerate() {
        let mut fault = |message: String, help: &str| {
            within(Fault::new(&place.to_string(), message).help(help).within("names"));
        };
        match HostPattern::parse(text) {
            Ok(HostPattern::Any) => fault(
                "`*` names nobody: the first [[listen.host]] is shown to whoever asks for another name"
                    .to_owned(),
                "a host name, or `*.` and a host name",
            ),
            Ok(name) if taken.contains(&name) => {
                fault(
                    format!("`{name}` is named on this listener already"),
                    "each name once",
                );
            }
            Ok(name) => {
                taken.push(name.clone());
                names.push(name);
            }
            Err(_) => fault(
                "not a host name, nor `*.` and a host name".to_owned(),
                "names = [\"app.example.com\", \"*.example.com\"]",
            ),
        }
    }
    if host.texts("names").next().is_none() && host.has("names") {
        within(Fault::new("names", "no name").help("names = [\"app.example.com\"]"));
    }
    names
}

fn certificate(host: &Values, within: &mut impl FnMut(Fault)) -> Option<ServerCertificate> {
    let Some(OptionValue::File(path, pem)) = host.value("certificate") else {
        return None;
    };
    let chain = ServerCertificate::chain(pem).map_err(|fault| {
        let help = match fault {
            ChainFault::Key => "the key goes in `key = { file = \"…\" }`",
            ChainFault::NotPem => "openssl x509 -inform DER -in FILE -out FILE.pem makes PEM of a DER file",
            ChainFault::Empty | ChainFault::NotACertificate | ChainFault::TooMany => {
                "a PEM file: the certificate, then those it was issued by, without the root"
            }
        };
        within(Fault::new("certificate", format!("{path}: {fault}")).help(help));
    });
    let (chain, key) = (chain.ok()?, host.secret("key")?);
    let certificate = ServerCertificate::new(chain, key.expose()).map_err(|fault| {
        let help = match fault {
            KeyFault::Encrypted => "openssl pkey -in FILE -out FILE.plain, readable by the gateway alone",
            KeyFault::Mismatch => "openssl x509 -in CERTIFICATE -noout -pubkey and openssl pkey -in KEY -pubout must print the same",
            KeyFault::Certificate | KeyFault::NotPem | KeyFault::Empty | KeyFault::TooMany | KeyFault::Kind => {
                "a PEM file with one private key: PKCS #8, SEC 1 or PKCS #1"
            }
        };
        within(Fault::new("key", fault.to_string()).help(help));
    });
    certificate.ok()
}
