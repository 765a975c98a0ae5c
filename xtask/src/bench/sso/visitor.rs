//! A browser with a certificate and two connections that stay open: one to the provider, one to the site.

use super::sites::{PROVIDER, PROVIDER_PORT, SITE, SITE_PORT};
use crate::Failure;
use crate::handshakes::pki::{CLIENT_KEY, Pki};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What comes back: the status, where it leads, and the cookies it sets.
pub(super) struct Answer {
    status: u16,
    location: Option<String>,
    cookies: Vec<(String, String)>,
}

/// A connection over TLS.
struct Connection {
    host: String,
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Connection {
    fn open(config: &Arc<ClientConfig>, name: &str, port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let server = ServerName::try_from(name.to_owned())?;
        let connection = ClientConnection::new(Arc::clone(config), server)?;
        Ok(Self {
            host: format!("{name}:{port}"),
            stream: BufReader::new(StreamOwned::new(connection, stream)),
        })
    }

    fn get(&mut self, target: &str, cookies: &str) -> Result<Answer, Failure> {
        let cookies = if cookies.is_empty() {
            String::new()
        } else {
            format!("Cookie: {cookies}\r\n")
        };
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n{cookies}\r\n",
            self.host
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let (mut location, mut cookies, mut length) = (None, Vec::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("location") {
                location = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("content-length") {
                length = value.parse::<u64>()?;
            } else if name.eq_ignore_ascii_case("set-cookie") {
                let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
                cookies.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        }
        std::io::copy(&mut (&mut self.stream).take(length), &mut std::io::sink())?;
        Ok(Answer {
            status,
            location,
            cookies,
        })
    }
}

/// The browser.
pub(super) struct Visitor {
    provider: Connection,
    site: Connection,
}

impl Visitor {
    /// With the certificate of this person.
    pub(super) fn new(pki: &Pki, person: &str) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_slice(pki.server_root()))?;
        let chain = pki.person(person).map(CertificateDer::from).to_vec();
        let key = PrivateKeyDer::from_pem_slice(CLIENT_KEY.pem().as_bytes())?;
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        let config = Arc::new(config);
        Ok(Self {
            provider: Connection::open(&config, PROVIDER, PROVIDER_PORT)?,
            site: Connection::open(&config, SITE, SITE_PORT)?,
        })
    }

    /// From the first request, without any cookie, to the page.
    pub(super) fn log_in(&mut self) -> Result<(), Failure> {
        let (code, mut jar) = self.as_far_as_the_code()?;
        let target = path(&code, SITE, SITE_PORT)?;
        let back = self.site.get(&target, &line(&jar))?;
        keep(&mut jar, &back);
        let there = back
            .location
            .ok_or_else(|| format!("the callback answers {}", back.status))?;
        let page = self.site.get(&path(&there, SITE, SITE_PORT)?, &line(&jar))?;
        if page.status == 200 && there.ends_with("/page") {
            return Ok(());
        }
        Err(format!("{there} answers {}", page.status).into())
    }

    /// The same until the provider has given its code, which is the URL that comes back.
    pub(super) fn as_far_as_the_code(&mut self) -> Result<(String, Vec<(String, String)>), Failure> {
        let (mut jar, mut target) = (Vec::new(), "/page".to_owned());
        let asked = loop {
            let answer = self.site.get(&target, &line(&jar))?;
            keep(&mut jar, &answer);
            let there = answer.location;
            let there = there.ok_or_else(|| format!("{target} answers {}", answer.status))?;
            match path(&there, SITE, SITE_PORT) {
                Ok(own) if own != target => target = own,
                Ok(own) => return Err(format!("{own} leads to itself").into()),
                Err(_) => break there,
            }
        };
        let answer = self.provider.get(&path(&asked, PROVIDER, PROVIDER_PORT)?, "")?;
        match answer.location {
            Some(code) if code.contains("code=") => Ok((code, jar)),
            other => Err(format!("{asked} answers {} {other:?}", answer.status).into()),
        }
    }
}

/// The path and query of `url`, which is at that place.
fn path(url: &str, name: &str, port: u16) -> Result<String, Failure> {
    let there = url.strip_prefix(&format!("https://{name}:{port}"));
    let path = there.unwrap_or(url);
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    Err(format!("{url} is elsewhere").into())
}

fn line(jar: &[(String, String)]) -> String {
    let pairs = jar.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

fn keep(jar: &mut Vec<(String, String)>, answer: &Answer) {
    for (name, value) in &answer.cookies {
        jar.retain(|(own, _)| own != name);
        if !value.is_empty() {
            jar.push((name.clone(), value.clone()));
        }
    }
}
