//! Who may ask, and who may enter where: the tables `client`, `site` and `rule`, and the list `sites`.

use crate::provider::permissions::Rule;
use countersign_core::certificate::CertificateJudge;
use countersign_core::options::{Fault, Values};
use countersign_core::policy::{Named, REQUIRE, Requirement};
use countersign_jose::jwks::KeySet;
use countersign_oidc::provider::client::{
    ClientLogout, ClientProof, Clients, MAX_ID_BYTES, RegisteredClient, SecretHash,
};
use countersign_oidc::provider::site::{Origin, SitePattern};
use std::sync::Arc;
use url::Url;

/// By which keys a client proves itself: at most one of them.
const PROOFS: [&str; 3] = ["client_secret", "jwks", "certificate_subject"];

pub(super) fn clients(
    values: &Values,
    judges: &[Arc<dyn CertificateJudge>],
    faults: &mut Vec<Fault>,
) -> Clients {
    let sites = patterns(values, faults).into_iter().map(|(_, site)| site);
    let sites = sites.collect::<Vec<_>>();
    let registered = values.named("client").iter();
    let registered = registered.map(|(id, client)| {
        let mut own = Vec::new();
        let registered = registered_client(id, client, judges, &mut own);
        if Origin::parse(id).is_ok_and(|origin| sites.iter().any(|site| site.holds(&origin))) {
            let message = "one of `sites` has this name already: no rule for sites would hold for this client";
            let help = "leave it out, for a site needs no registration; or take the host out of `sites`; or another name";
            own.push(nameless(message, help));
        }
        faults.extend(own.into_iter().map(|fault| fault.within(id).within("client")));
        registered
    });
    // Names of tables are each there once.
    let registered = registered.collect();
    Clients::new(registered, sites).unwrap_or_default()
}

/// The patterns of the list `sites`, each with its place there.
fn patterns(values: &Values, faults: &mut Vec<Fault>) -> Vec<(usize, SitePattern)> {
    let mut sites = Vec::new();
    for (index, text) in values.texts("sites").enumerate() {
        match SitePattern::parse(text) {
            Ok(site) => sites.push((index, site)),
            Err(error) => faults.push(
                Fault::new(&index.to_string(), format!("{text:?}: {error}"))
                    .within("sites")
                    .help("sites = [\"app.home.example\", \"*.home.example\"]"),
            ),
        }
    }
    sites
}

fn registered_client(
    id: &str,
    values: &Values,
    judges: &[Arc<dyn CertificateJudge>],
    faults: &mut Vec<Fault>,
) -> RegisteredClient {
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        let message = format!(
            "a `client_id` of {} bytes: no client is found by such a name",
            id.len()
        );
        let help = format!("[openid_provider.client.grafana]; up to {MAX_ID_BYTES} bytes");
        faults.push(nameless(&message, &help));
    }
    uses(values, faults);
    RegisteredClient {
        id: id.into(),
        redirect_uris: places(values, "redirect_uris", faults),
        logout: logout(values, faults),
        proof: proof(values, judges, faults),
        offline: values.flag("offline"),
        bind: values.flag("bind"),
    }
}

/// Whether what is said of a client has a use: people log in there, or it is a machine.
fn uses(values: &Values, faults: &mut Vec<Fault>) {
    let is_machine = values.has("certificate_subject");
    let people = values.texts("redirect_uris").next().is_some();
    if !values.has("redirect_uris") && !is_machine {
        let message = "`redirect_uris` is missing: nobody could log in there";
        let help = "redirect_uris = [\"https://app.home.example/callback\"]; a machine has `certificate_subject` instead";
        faults.push(nameless(message, help));
    } else if values.has("redirect_uris") && !people {
        let message = "`redirect_uris` is empty: nobody could log in there";
        let help = "redirect_uris = [\"https://app.home.example/callback\"]; a machine has none, and `certificate_subject`";
        faults.push(Fault::new("redirect_uris", message).help(help));
    }
    if values.flag("offline") && is_machine && !values.has("redirect_uris") {
        let message = "a machine has no refresh tokens: it asks for another token by its certificate";
        let help = "leave `offline` out; or, for an application at which people log in, redirect_uris = [\"https://app.home.example/callback\"]";
        faults.push(Fault::new("offline", message).help(help));
    }
    if !values.flag("bind") && !is_machine {
        let message = "`bind` is about the tokens of a machine, and this client is none";
        let help = "leave it out; a machine has `certificate_subject`";
        faults.push(Fault::new("bind", message).help(help));
    }
}

fn places(values: &Values, key: &str, faults: &mut Vec<Fault>) -> Vec<Box<str>> {
    let mut sound = Vec::new();
    for (index, text) in values.texts(key).enumerate() {
        let at = index.to_string();
        if !is_sound(text) {
            faults.push(unsound(&at).within(key));
        } else if text.contains('*') {
            let message = "an address is compared to the letter, and a star stands for nothing else";
            let fault = Fault::new(&at, message).within(key);
            faults.push(fault.help("list every address by itself; sites need no registration: `sites`"));
        } else {
            sound.push(text.into());
        }
    }
    sound
}

fn logout(values: &Values, faults: &mut Vec<Fault>) -> ClientLogout {
    let told = values.text("backchannel_logout_uri");
    let unsound = told.filter(|text| !is_sound(text));
    faults.extend(unsound.map(|_| self::unsound("backchannel_logout_uri")));
    ClientLogout {
        redirect_uris: places(values, "post_logout_redirect_uris", faults),
        backchannel_uri: told.and_then(|text| Url::parse(text).ok()),
    }
}

/// Whether nobody reads on the way what goes there: by https, or within this machine.
fn is_sound(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let local = url
            .host_str()
            .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let travels_safely = url.scheme() == "https" || (url.scheme() == "http" && local);
        travels_safely && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
    })
}

fn unsound(key: &str) -> Fault {
    let message = "an address that is not https, or has a fragment or a user";
    Fault::new(key, message).help("https://app.home.example/callback; http at localhost alone")
}

fn proof(values: &Values, judges: &[Arc<dyn CertificateJudge>], faults: &mut Vec<Fault>) -> ClientProof {
    let mut given = PROOFS.iter().filter(|name| values.has(name));
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let message = format!("`{first}` and `{second}`: a client proves itself in one way");
        faults.push(Fault::new(second, message).help("leave one of them out"));
    }
    if let Some(secret) = values.secret("client_secret") {
        let secret = secret.expose().trim_ascii_end();
        if secret.is_empty() {
            let fault = Fault::new("client_secret", "a secret of blanks, which anybody has");
            faults.push(fault.help("openssl rand -hex 32 > client-secret"));
        }
        return ClientProof::Secret(SecretHash::of(secret));
    }
    if let Some((_, bytes)) = values.file("jwks") {
        return keys(bytes, faults).map_or(ClientProof::None, ClientProof::Keys);
    }
    values
        .text("certificate_subject")
        .map_or(ClientProof::None, |text| {
            ClientProof::Certificate(subject(text, judges, faults))
        })
}

fn keys(bytes: &[u8], faults: &mut Vec<Fault>) -> Option<KeySet> {
    let read = if bytes.trim_ascii_start().starts_with(b"{") {
        KeySet::parse(bytes).map(|(keys, _)| keys)
    } else {
        KeySet::from_pem(bytes).map_err(Into::into)
    };
    read.map_err(|error| {
        let help = "its public keys: a JWK Set, or PEM (`openssl pkey -in client.key -pubout`)";
        faults.push(Fault::new("jwks", error.to_string()).help(help));
    })
    .ok()
}

/// `"subject"`, or `"certificate.NAME:subject"` where more than one of them judges.
fn subject(text: &str, judges: &[Arc<dyn CertificateJudge>], faults: &mut Vec<Fault>) -> Named {
    let named = |judge: &Arc<dyn CertificateJudge>| {
        let name = text.strip_prefix(&**judge.name())?.strip_prefix(':')?;
        Some(Named {
            authenticator: Some(Arc::clone(judge.name())),
            name: name.into(),
        })
    };
    if let Some(named) = judges.iter().find_map(named) {
        return named;
    }
    if judges.len() > 1 {
        let whose = judges.iter().map(|judge| format!("\"{}:{text}\"", judge.name()));
        let whose = whose.collect::<Vec<_>>().join(" or ");
        let message = format!("whose {text:?}? More than one of `certificates` could prove it");
        faults.push(Fault::new("certificate_subject", message).help(format!("write {whose}")));
    }
    Named {
        authenticator: None,
        name: text.into(),
    }
}

/// The rules: `requirements` are what each asks, in their order.
pub(super) fn rules(
    values: &Values,
    requirements: Vec<Requirement>,
    clients: &Clients,
    faults: &mut Vec<Fault>,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, (table, require)) in values.tables("rule").iter().zip(requirements).enumerate() {
        let mut own = Vec::new();
        let sites = patterns(table, &mut own);
        for (at, site) in sites.iter().filter(|(_, site)| !clients.has_site_of(site)) {
            let message = format!("no site can be one of {site}: this part of the rule is about nothing");
            let fault = Fault::new(&at.to_string(), message).within("sites");
            own.push(fault.help("name what the list `sites` of [openid_provider] has, or a part of it"));
        }
        let named = table.texts("clients").map(Box::<str>::from).collect::<Vec<_>>();
        for (at, id) in named
            .iter()
            .enumerate()
            .filter(|(_, id)| !clients.has_registered(id))
        {
            let fault = Fault::new(&at.to_string(), format!("no client is registered as {id:?}"));
            let help = format!("there must be a table [openid_provider.client.{id}]");
            own.push(fault.within("clients").help(help));
        }
        for key in ["sites", "clients"] {
            if table.has(key) && table.texts(key).next().is_none() {
                let message = "an empty list names no place, and might have been meant to name all";
                own.push(Fault::new(key, message).help("leave it out, or fill it"));
            }
        }
        if !table.has("sites") && !table.has("clients") {
            own.push(nameless(
                "this rule is about nothing",
                "sites = [\"*.home.example\"]",
            ));
        }
        let asks = |require: &Values| REQUIRE.fields.iter().any(|field| require.has(field.name));
        if !table.table("require").is_some_and(asks) {
            own.push(nameless(
                "this rule asks nothing",
                "require = { groups = [\"staff\"] }",
            ));
        }
        let within = |fault: Fault| fault.within(index.to_string()).within("rule");
        faults.extend(own.into_iter().map(within));
        rules.push(Rule {
            sites: sites.into_iter().map(|(_, site)| site).collect(),
            clients: named,
            require,
        });
    }
    rules
}

/// A fault of a table as a whole.
fn nameless(message: &str, help: &str) -> Fault {
    Fault {
        at: Vec::new(),
        ..Fault::new("", message).help(help)
    }
}

/// The sites whose tokens for machines are not bound to a certificate.
pub(super) fn unbound(values: &Values, clients: &Clients, faults: &mut Vec<Fault>) -> Vec<SitePattern> {
    let mut unbound = Vec::new();
    for (name, site) in values.named("site") {
        match SitePattern::parse(name) {
            Ok(pattern) if !clients.has_site_of(&pattern) => {
                let message = format!("{name} is none of `sites`");
                faults.push(nameless(&message, "name one of them").within(name).within("site"));
            }
            Ok(pattern) if !site.flag("bind") => unbound.push(pattern),
            Ok(_) => {}
            Err(error) => {
                let help = "[openid_provider.site.\"app.home.example\"]";
                faults.push(nameless(&error.to_string(), help).within(name).within("site"));
            }
        }
    }
    unbound
}
