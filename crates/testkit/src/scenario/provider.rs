//! Pages whose gateway is its own OpenID Provider: which hosts ask for a certificate there, and in which handshakes.
//!
//! The configuration is read as text, line by line, as a person would who sets up what is around the gateway.

use crate::pki::{Key, Template, pem};

/// Files of the listener that speaks TLS.
pub(super) const CERTIFICATE_FILE: &str = "listener.pem";
pub(super) const KEY_FILE: &str = "listener-key.pem";

/// The origin of the provider that `config` has, if it has one.
pub(super) fn issuer(config: &str) -> Option<String> {
    origin(config, "issuer")
}

fn origin(config: &str, key: &str) -> Option<String> {
    let (_, table) = config
        .split_once("\n[openid_provider]")
        .or_else(|| config.strip_prefix("[openid_provider]").map(|table| ("", table)))?;
    let table = table.split("\n[").next().unwrap_or(table);
    let value = value_of(table, key)?;
    quoted(value).next().map(str::to_owned)
}

/// The provider's hosts: that of its issuer, and the one where machines ask.
pub(super) fn hosts(config: &str) -> impl Iterator<Item = String> {
    let origins = ["issuer", "mtls_origin"].map(|key| origin(config, key));
    let origins = origins.into_iter().flatten();
    origins.filter_map(|origin| origin.strip_prefix("https://").map(str::to_owned))
}

/// The hosts that ask clients for a certificate where there is a provider: its own, and those of routes that name a
/// `certificate.NAME`.
pub(super) fn asking(config: &str) -> Vec<String> {
    let asking = routes(config).filter(|route| route.contains("\"certificate."));
    let hosts = asking
        .filter_map(|route| value_of(route, "hosts"))
        .flat_map(quoted);
    let hosts = hosts.map(str::to_owned).chain(self::hosts(config));
    let mut hosts = hosts.collect::<Vec<_>>();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn routes(config: &str) -> impl Iterator<Item = &str> {
    let pieces = config.split("[[route]]").skip(1);
    pieces.map(|piece| piece.split("\n[").next().unwrap_or(piece))
}

/// Whether this very gateway guards `host`.
pub(super) fn guards(config: &str, host: &str) -> bool {
    let mut hosts = routes(config)
        .filter_map(|route| value_of(route, "hosts"))
        .flat_map(quoted);
    hosts.any(|known| known == host)
}

/// Whether `host` is one of those.
pub(super) fn asks(config: &str, host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host);
    let is_it = |pattern: String| match pattern.strip_prefix('*') {
        Some(suffix) => name.ends_with(suffix),
        None => pattern.split(':').next() == Some(name),
    };
    asking(config).into_iter().any(is_it)
}

/// Whether a gateway in the path must speak TLS itself: a provider and its sites are reached by https.
pub(super) fn needs_tls(config: &str) -> bool {
    issuer(config).is_some() || config.contains("[sso.")
}

/// A listener that speaks TLS, and asks for certificates at the hosts that do.
pub(super) fn listener(config: &str) -> String {
    let tables = config.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("[certificate.")?.strip_suffix(']')?;
        (!name.contains('.')).then(|| format!("\"certificate.{name}\""))
    });
    let by = tables.collect::<Vec<_>>().join(", ");
    let names = asking(config).into_iter();
    let names = names.map(|name| format!("\"{}\"", name.split(':').next().unwrap_or(&name)));
    let names = names.collect::<Vec<_>>().join(", ");
    let shown = format!("certificate = \"{CERTIFICATE_FILE}\"\nkey = {{ file = \"{KEY_FILE}\" }}\n");
    let plain = format!(
        "\n[[listen]]\naddress = \"127.0.0.1:443\"\nspeak = \"reverse-proxy\"\n\n\
         [[listen.host]]\nnames = [\"guarded.test\"]\n{shown}"
    );
    if names.is_empty() {
        return plain;
    }
    format!(
        "{plain}\n[[listen.host]]\nnames = [{names}]\n{shown}client_certificates = {{ mode = \"ask\", by = [{by}] }}\n"
    )
}

/// What that listener shows, and its key.
pub(super) fn listener_files() -> [(String, String); 2] {
    let certificate = Template::server("guarded.test", Key(6)).self_signed();
    [
        (CERTIFICATE_FILE.to_owned(), pem("CERTIFICATE", &certificate)),
        (KEY_FILE.to_owned(), Key(6).pem().to_owned()),
    ]
}

/// What `key` is set to, to the end of its line or list.
fn value_of<'t>(table: &'t str, key: &str) -> Option<&'t str> {
    let mut offset = 0;
    for line in table.split_inclusive('\n') {
        let named = line.split_once('=').filter(|(own, _)| own.trim() == key);
        if let Some((own, value)) = named {
            let rest = &table[offset + own.len() + 1..];
            let is_list = value.trim_start().starts_with('[');
            let end = rest.find(if is_list { ']' } else { '\n' });
            return Some(&rest[..end.unwrap_or(rest.len())]);
        }
        offset += line.len();
    }
    None
}

/// The strings in a value.
fn quoted(value: &str) -> impl Iterator<Item = &str> {
    value.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[openid_provider]\nissuer = \"https://sso.test\"\nsites = [\"app.test\"]\n\n[certificate.home]\nauthorities = [\"home.pem\"]\n\n\
        [[route]]\nhosts = [\"app.test\"]\naccept = [\"sso.home\"]\n\n[[route]]\nhosts  = [\n  \"wiki.test\",\n  \"*.both.test\"]\naccept = [\"sso.home\", \"certificate.home\"]\n";

    #[test]
    fn the_provider_asks_for_certificates_and_so_does_whoever_accepts_them() {
        assert_eq!(issuer(CONFIG).as_deref(), Some("https://sso.test"));
        assert_eq!(asking(CONFIG), ["*.both.test", "sso.test", "wiki.test"]);
        for host in ["sso.test", "wiki.test:8443", "a.both.test"] {
            assert!(asks(CONFIG, host), "{host}");
        }
        for host in ["app.test", "both.test", "evilsso.test"] {
            assert!(!asks(CONFIG, host), "{host}");
        }
        assert!(guards(CONFIG, "app.test") && !guards(CONFIG, "sso.test"));
        assert_eq!(issuer("[login.home]\nissuer = \"https://op.test\"\n"), None);
    }
}
