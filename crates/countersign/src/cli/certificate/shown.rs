//! A certificate, line by line or as JSON.

use countersign_core::certificate::{CertificateFacts, PresentedCertificate, SubjectAlternativeName};
use countersign_x509::certificate::{Certificate, KeyUsage};
use serde_json::{Value, json};
use std::sync::Arc;

/// What one certificate says.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    certificate: &'a Certificate,
    facts: CertificateFacts,
}

impl<'a> Shown<'a> {
    /// What `certificate` says; `None` when it is too large to be presented.
    pub(super) fn new(certificate: &'a Certificate) -> Option<Self> {
        let presented = PresentedCertificate::new([certificate.der().to_vec()])?;
        Some(Self {
            facts: certificate.facts(Arc::new(presented), None),
            certificate,
        })
    }

    /// Each thing it says, after its name.
    pub(super) fn lines(&self) -> Vec<String> {
        let (certificate, facts) = (self.certificate, &self.facts);
        let mut lines = vec![
            format!("subject      {}", facts.subject),
            format!("issuer       {}", facts.issuer),
            format!("serial       {}", facts.serial),
            format!("valid from   {}", facts.not_before),
            format!("valid until  {}", facts.not_after),
        ];
        lines.extend(named_lines(facts));
        lines.extend(self.misshapen().map(|name| format!("left out     {name}")));
        lines.push(format!("key          {}", certificate.key()));
        if certificate.is_ca() {
            lines.push("authority    yes".to_owned());
        }
        let usages = self.usages();
        if !usages.is_empty() {
            lines.push(format!("usages       {}", usages.join(", ")));
        }
        lines.push(format!("fingerprint  {}", facts.fingerprint));
        lines.push(format!("spki         {}", facts.spki));
        lines
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let (certificate, facts) = (self.certificate, &self.facts);
        let names = facts.sans.iter().map(name_as_json).collect::<Vec<_>>();
        let extensions = certificate.extensions();
        let extensions = extensions
            .map(|extension| json!({"oid": extension.dots(), "critical": extension.critical}))
            .collect::<Vec<_>>();
        json!({
            "subject": facts.subject,
            "subject_rfc4514": certificate.subject().rfc4514(),
            "issuer": facts.issuer,
            "issuer_rfc4514": certificate.issuer().rfc4514(),
            "serial": facts.serial,
            "not_before": facts.not_before.to_string(),
            "not_after": facts.not_after.to_string(),
            "names": names,
            "left_out": self.misshapen().collect::<Vec<_>>(),
            "key": certificate.key().to_string(),
            "authority": certificate.is_ca(),
            "usages": self.usages(),
            "fingerprint": facts.fingerprint,
            "spki": facts.spki,
            "extensions": extensions,
        })
    }

    /// The names that are left out: of which kind they say they are, and what is wrong with them.
    fn misshapen(&self) -> impl Iterator<Item = String> {
        let names = self.certificate.misshapen_names().iter();
        names.map(|name| format!("a name of kind {}: {}", name.kind.name(), name.fault))
    }

    fn usages(&self) -> Vec<String> {
        let keys = self.certificate.key_usage();
        let keys = keys.into_iter().flat_map(KeyUsage::names).map(str::to_owned);
        let extended = self.certificate.extended_key_usages().unwrap_or_default();
        keys.chain(extended.iter().map(|usage| usage.name().to_owned()))
            .collect()
    }
}

fn named_lines(facts: &CertificateFacts) -> impl Iterator<Item = String> {
    let names = facts.sans.iter();
    names.map(|name| format!("{:<11}  {}", format!("name {}", name.kind().name()), name.text()))
}

fn name_as_json(name: &SubjectAlternativeName) -> Value {
    json!({"kind": name.kind().name(), "name": name.text()})
}
