//! Listeners: where, in which dialect, and who is believed there.

use super::certificates::forwarded_certificate;
use super::check::{Declared, about_what_is_sound, tell};
use super::diagnostic::{Diagnostic, Place};
use super::identity::has_a_meaning;
use super::shape::{Document, Way};
use countersign_core::options::{Fault, Values};
use countersign_core::peer::{Peer, TrustedPeers};
use countersign_edge::gateway::Face;
use countersign_edge::integration::{self, Believed, Integration};
use countersign_edge::listen::{Address, UnixAccess};
use countersign_edge::tls::TlsHosts;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

mod tls;

/// The shortest secret that a proxy in front may share with us, in bytes.
const MIN_PEER_SECRET_BYTES: usize = 16;
/// The longest path of a unix socket, in bytes: `sun_path` holds 107 and its end, and a socket is made under a name that
/// is longer by `.binding.` and a process id.
const MAX_UNIX_PATH_BYTES: usize = 107 - 16;

/// One listener, checked.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// Who may connect, on a unix socket.
    pub access: UnixAccess,
    /// The dialect's name.
    pub speak: String,
    /// The dialect.
    pub integration: Arc<dyn Integration>,
    /// The hosts, where TLS is spoken.
    pub hosts: Option<Arc<TlsHosts>>,
    /// The header in which a secret proves the peer, if there is one.
    pub secret_header: Option<HeaderName>,
    /// Its place in the configuration: `listen` and its number there.
    pub way: Way,
    /// Where its address stands.
    pub place: Option<Place>,
    /// Where it is said who may connect.
    pub access_place: Option<Place>,
}

impl Listen {
    /// How it speaks and whom it believes.
    pub fn face(&self) -> Face {
        Face {
            integration: Arc::clone(&self.integration),
            hosts: self.hosts.clone(),
        }
    }
}

/// The status listener, checked.
#[derive(Clone, Debug)]
pub struct StatusListen {
    /// Where.
    pub address: Address,
    /// Where its address stands.
    pub place: Option<Place>,
}

/// Every listener without a fault.
pub(super) fn listeners(document: &Document, declared: &Declared, told: &mut Vec<Diagnostic>) -> Vec<Listen> {
    let mut listeners: Vec<Listen> = Vec::new();
    for (index, values) in document.values.tables("listen").iter().enumerate() {
        let way = vec!["listen".to_owned(), index.to_string()];
        let faulty = document.is_faulty(&["listen", &index.to_string()]);
        match listen(values, (document, declared), &way, told) {
            Ok(_) if faulty => {}
            Err(faults) if faulty => {
                let faults = about_what_is_sound(document, &way, values, faults);
                tell(document, &way, faults, told);
            }
            Ok(listen) => match taken(&listen.address, &listeners) {
                Some(fault) => tell(document, &way, vec![fault], told),
                None => listeners.push(listen),
            },
            Err(faults) => tell(document, &way, faults, told),
        }
    }
    listeners
}

/// The status listener.
pub(super) fn status(
    document: &Document,
    listeners: &[Listen],
    told: &mut Vec<Diagnostic>,
) -> Option<StatusListen> {
    let text = document.values.table("status")?.text("address")?;
    let read = address(text).and_then(|address| match taken(&address, listeners) {
        Some(fault) => Err(fault),
        None => Ok(address),
    });
    match read {
        Ok(address) => Some(StatusListen {
            address,
            place: document.place(&["status".to_owned(), "address".to_owned()]),
        }),
        Err(fault) => {
            tell(document, &["status".to_owned()], vec![fault], told);
            None
        }
    }
}

/// The fault when one of `listeners` has `address`, or every address of its port.
fn taken(address: &Address, listeners: &[Listen]) -> Option<Fault> {
    let clash = |other: &Address| match (address, other) {
        (Address::Tcp(one), Address::Tcp(other)) => {
            one.port() == other.port()
                && one.port() != 0
                && (one == other || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
        }
        (one, other) => one == other,
    };
    let other = listeners
        .iter()
        .map(|listen| &listen.address)
        .find(|other| clash(other))?;
    let fault = Fault::new("address", format!("another listener has {other} already"));
    Some(fault.help("another port, or one listener for both"))
}

/// Whether `one` stands for every address, `other` among them: `[::]` also for those of IPv4.
pub(in crate::config) fn covers(one: IpAddr, other: IpAddr) -> bool {
    one.is_unspecified() && (one.is_ipv6() || other.is_ipv4())
}

fn listen(
    values: &Values,
    (document, declared): (&Document, &Declared),
    way: &[String],
    told: &mut Vec<Diagnostic>,
) -> Result<Listen, Vec<Fault>> {
    let at = |name: &str| document.place(&[way, &[name.to_owned()]].concat());
    let mut faults = Vec::new();
    let speak = values.text("speak").unwrap_or("").to_owned();
    let address = address(values.text("address").unwrap_or(""))
        .map_err(|fault| faults.push(fault))
        .ok();
    let (trusted, secret_header) = trusted(values, &speak, address.as_ref(), &mut faults);
    let certificate = forwarded_certificate(values, &speak, trusted.is_empty(), declared, &mut faults);
    let access = access(values, &mut faults);
    for name in ["mode", "owner"] {
        let elsewhere = address
            .as_ref()
            .is_some_and(|address| !matches!(address, Address::Unix(_)));
        if values.has(name) && elsewhere {
            let message = format!("`{name}` is for unix sockets only");
            faults.push(Fault::new(name, message).help("leave it out, or address = \"unix:/path\""));
        }
    }
    if speak == "check" && !trusted.is_empty() {
        let message = "`check` reads no original request: whom it trusts has no effect here";
        let key = if values.texts("trusted_peers").next().is_some() {
            "trusted_peers"
        } else {
            "trusted_secret"
        };
        told.push(Diagnostic::warning(at(key), message).help("leave it out"));
    }
    let reachable = address.as_ref().is_some_and(|address| !address.is_local());
    if speak == "reverse-proxy" && reachable && !values.has("host") {
        let message = "a listener that forwards in the clear binds loopback only";
        let help = "name a certificate in [[listen.host]]; or 127.0.0.1, [::1] or unix:/path, behind a proxy that speaks TLS";
        faults.push(Fault::new("address", message).help(help));
    }
    let hosts = tls::hosts(
        values,
        &speak,
        &mut tls::Remarks {
            document,
            declared,
            way,
            told,
        },
        &mut faults,
    );
    let believed = Believed {
        peers: trusted,
        certificate,
    };
    redirect(values, &speak, &mut faults);
    let port = values
        .integer("https_port")
        .and_then(|port| u16::try_from(port).ok());
    let integration = match port {
        Some(port) => Some(integration::to_tls(port)),
        None => integration::by_name(&speak, believed),
    };
    match (address, integration) {
        (Some(address), Some(integration)) if faults.is_empty() => Ok(Listen {
            address,
            access,
            speak,
            integration,
            hosts,
            secret_header,
            place: at("address"),
            access_place: at(if values.has("owner") { "owner" } else { "mode" }),
            way: way.to_vec(),
        }),
        _ => Err(faults),
    }
}

/// What has no place on a listener that redirects, and what has one there alone.
fn redirect(values: &Values, speak: &str, faults: &mut Vec<Fault>) {
    if speak != "redirect" {
        if values.has("https_port") {
            let message = "it is for `speak = \"redirect\"` only";
            faults.push(Fault::new("https_port", message).help("leave it out"));
        }
        return;
    }
    if values.has("host") {
        let message = "`redirect` is for clients that do not speak TLS yet: it has no hosts";
        faults.push(
            Fault::new("host", message).help("name the hosts of the listener that clients are sent to"),
        );
    }
    for name in ["trusted_secret", "forwarded_certificate"] {
        if values.has(name) {
            let message = "`redirect` believes nobody and decides nothing";
            faults.push(Fault::new(name, message).help("leave it out"));
        }
    }
    if values.texts("trusted_peers").next().is_some() {
        let message = "`redirect` believes nobody and decides nothing";
        faults.push(Fault::new("trusted_peers", message).help("leave it out"));
    }
}

/// Where a text says.
pub(super) fn address(text: &str) -> Result<Address, Fault> {
    let address = Address::parse(text).map_err(|error| {
        Fault::new("address", error.to_string())
            .help("address = \"127.0.0.1:9180\": no name, which may be many")
    })?;
    let too_long = |path: &Path| path.as_os_str().as_bytes().len() > MAX_UNIX_PATH_BYTES;
    match &address {
        Address::Unix(path) if text.ends_with('/') || path.as_os_str().as_bytes().contains(&0) => {
            let help = "the whole path of a file that is not there yet: \"unix:/run/countersign/ask.sock\"";
            Err(Fault::new("address", "not the path of a socket").help(help))
        }
        Address::Unix(path) if too_long(path) => {
            let message = format!("the path of a unix socket is at most {MAX_UNIX_PATH_BYTES} bytes long");
            Err(Fault::new("address", message)
                .help("a shorter one, such as \"unix:/run/countersign/ask.sock\""))
        }
        Address::Tcp(_) | Address::Unix(_) | Address::Systemd(_) => Ok(address),
    }
}

/// Who is believed, and the header of the secret that proves it.
fn trusted(
    values: &Values,
    speak: &str,
    address: Option<&Address>,
    faults: &mut Vec<Fault>,
) -> (TrustedPeers, Option<HeaderName>) {
    let named = match TrustedPeers::parse(values.texts("trusted_peers")) {
        Ok(named) => named,
        Err(error) => {
            let help = "the proxy's own address: trusted_peers = [\"127.0.0.1\"]";
            faults.push(Fault::new("trusted_peers", error.to_string()).help(help));
            return (TrustedPeers::default(), None);
        }
    };
    let secret = values
        .table("trusted_secret")
        .map(|secret| peer_secret(secret, faults));
    let asked_for_another = matches!(speak, "auth-request" | "forward-auth");
    // Whoever is not asked by address may still come with the secret.
    if secret.is_none() && asked_for_another && !reachable(values, &named, address) {
        let help = match address {
            Some(Address::Unix(_)) => "trusted_peers = [\"unix\"]",
            Some(Address::Tcp(_) | Address::Systemd(_)) | None => {
                "trusted_peers = [\"127.0.0.1\"]: the proxy's own address"
            }
        };
        let message = "nobody may ask here: no peer that this socket can have is in `trusted_peers`, so none may tell \
                       about the original request";
        faults.push(Fault::new("trusted_peers", message).help(help));
    }
    match secret.flatten() {
        Some((header, value)) => (named.with_secret(header.clone(), value), Some(header)),
        None => (named, None),
    }
}

/// Whether a peer that `named` trusts can be at the other end of this listener: a unix socket has `unix` peers only, TCP
/// never.
fn reachable(values: &Values, named: &TrustedPeers, address: Option<&Address>) -> bool {
    let by_unix = named.trust(&Peer::unix(), &HeaderMap::new()).is_some();
    match address {
        Some(Address::Unix(_)) => by_unix,
        Some(Address::Tcp(_)) => values.texts("trusted_peers").any(|entry| entry != "unix"),
        Some(Address::Systemd(_)) | None => !named.is_empty(),
    }
}

type PeerSecret = (HeaderName, countersign_core::secret::Secret<Vec<u8>>);

fn peer_secret(secret: &Values, faults: &mut Vec<Fault>) -> Option<PeerSecret> {
    let mut fault = |fault: Fault| faults.push(fault.within("trusted_secret"));
    let name = secret.text("header").and_then(|text| {
        let name = text.parse::<HeaderName>().ok();
        if name.is_none() {
            fault(Fault::new("header", "not a header name").help("header = \"X-Gateway-Secret\""));
        }
        name
    });
    if let Some(name) = name.as_ref().filter(|name| has_a_meaning(name)) {
        let message = format!("`{name}` has a meaning of its own and cannot carry a secret");
        fault(Fault::new("header", message).help("a name of your own, such as X-Gateway-Secret"));
        return None;
    }
    let value = secret.secret("value")?;
    if value.expose().len() < MIN_PEER_SECRET_BYTES {
        fault(Fault::new("value", "shorter than 16 bytes").help("openssl rand -hex 16"));
        return None;
    }
    let bytes = value.expose();
    let carried = HeaderValue::from_bytes(bytes).is_ok() && bytes.trim_ascii() == bytes.as_slice();
    if !carried {
        let message = "no header can carry it: it has control characters, or white space around it";
        fault(Fault::new("value", message).help("openssl rand -hex 16"));
        return None;
    }
    name.zip(Some(value.clone()))
}

fn access(values: &Values, faults: &mut Vec<Fault>) -> UnixAccess {
    let mode = values.text("mode").and_then(|text| {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            faults.push(Fault::new("mode", "not a file mode in octal").help("mode = \"0660\""));
        }
        mode
    });
    let owner = values.text("owner");
    if owner.is_some_and(|owner| owner.is_empty() || owner == ":" || owner.matches(':').count() > 1) {
        let help = "owner = \"user\", \"user:group\" or \":group\"";
        faults.push(Fault::new("owner", "not the name of an owner").help(help));
    }
    UnixAccess {
        mode,
        owner: owner.map(str::to_owned),
    }
}
