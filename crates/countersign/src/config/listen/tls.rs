//! `[listen.tls]` and `[[listen.host]]`: whose certificate is shown under which name.

use super::super::certificates::judges;
use super::super::check::Declared;
use super::super::diagnostic::Diagnostic;
use super::super::shape::Document;
use countersign_core::certificate::{SanKind, SubjectAlternativeName};
use countersign_core::options::{Fault, OptionValue, Values};
use countersign_core::route::HostPattern;
use countersign_edge::tls::{
    ChainFault, ClientPolicy, KeyFault, Mode, Protocols, ServerCertificate, Spoken, TlsHost, TlsHosts,
    TlsVersions,
};
use countersign_x509::certificate::Certificate;
use std::net::IpAddr;
use std::sync::Arc;

/// Where what is no fault is said.
pub(super) struct Remarks<'a> {
    pub(super) document: &'a Document,
    /// Who judges.
    pub(super) declared: &'a Declared,
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
    let tls = values.table("tls");
    let only_13 = tls.and_then(|tls| tls.text("min_version")) == Some("1.3");
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
    let spoken = Spoken {
        versions,
        protocols,
        resumption: tls.is_none_or(|tls| tls.flag("resumption")),
    };
    let (mut all, mut taken) = (Vec::new(), Vec::new());
    for (index, host) in tables.iter().enumerate() {
        let mut within = |fault: Fault| faults.push(fault.within(index.to_string()).within("host"));
        let names = names(host, &mut taken, &mut within);
        let certificate = certificate(host, &mut within);
        let policy = policy(host, index, remarks, &mut within);
        let Some((certificate, policy)) = certificate.zip(policy) else {
            continue;
        };
        remark(&certificate, &names, index, remarks);
        match TlsHost::asking(certificate, spoken, policy) {
            Ok(host) => all.push((names, host)),
            Err(error) => within(Fault::new("certificate", error.to_string())),
        }
    }
    TlsHosts::new(all).map(Arc::new)
}

/// What clients are asked for.
fn policy(
    host: &Values,
    index: usize,
    remarks: &mut Remarks<'_>,
    within: &mut impl FnMut(Fault),
) -> Option<ClientPolicy> {
    let Some(table) = host.table("client_certificates") else {
        return Some(ClientPolicy::default());
    };
    let mode = table.text("mode").and_then(Mode::by_name)?;
    let mut faults = Vec::new();
    if mode != Mode::Off && !table.has("by") {
        let message = "nobody would judge the certificate: `by` is missing";
        faults.push(Fault::new("by", message).help("by = [\"certificate.NAME\"]"));
    }
    let judges = judges(table, "by", remarks.declared, &mut faults);
    if mode == Mode::Off && !judges.is_empty() {
        let key = ["client_certificates", "by"];
        let message = "nobody is asked for a certificate here, so nobody judges one".to_owned();
        remarks.warn(index, &key, message, "mode = \"ask\" or \"required\"");
    }
    let sound = faults.is_empty();
    for fault in faults {
        within(fault.within("client_certificates"));
    }
    sound.then(|| ClientPolicy::new(mode, if mode == Mode::Off { Vec::new() } else { judges }))
}

/// What is no fault, and keeps clients away.
fn remark(certificate: &ServerCertificate, names: &[HostPattern], index: usize, remarks: &mut Remarks<'_>) {
    let read = Certificate::parse(certificate.leaf()).ok();
    let now = remarks.document.now;
    if let Some(read) = read.as_ref().filter(|read| read.not_after() < now) {
        let message = format!(
            "the certificate ended on {}: clients that check it go away",
            read.not_after()
        );
        remarks.warn(
            index,
            &["certificate"],
            message,
            "renew it; the file is taken when it changes",
        );
    }
    if let Some(read) = read.as_ref().filter(|read| now < read.not_before()) {
        let message = format!("the certificate does not hold before {}", read.not_before());
        remarks.warn(
            index,
            &["certificate"],
            message,
            "the time of this machine may be wrong",
        );
    }
    let is_name = |san: &SubjectAlternativeName| matches!(san.kind(), SanKind::Dns | SanKind::Ip);
    if read.is_some_and(|read| !read.sans().iter().any(is_name)) {
        let message = "the certificate holds no DNS name: clients that check names go away".to_owned();
        let help = "a certificate with the names of this host among its subject alternative names";
        remarks.warn(index, &["certificate"], message, help);
        return;
    }
    for (place, name) in names.iter().enumerate() {
        let key = ["names", &place.to_string()];
        let text = name.to_string();
        if !certificate.is_for(&text) {
            let message = format!("the certificate is not one for {name}: clients that check it go away");
            remarks.warn(
                index,
                &key,
                message,
                "a certificate with this name among its DNS names",
            );
        }
        if index > 0 && text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            let message =
                "no client asks for an address by name: the first [[listen.host]] is shown there".to_owned();
            remarks.warn(index, &key, message, "name it in the first, or leave it out");
        }
    }
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
