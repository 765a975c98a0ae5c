//! A provider at which everybody is whom they say, and a browser: as much of both as sessions of the program need.

use countersign_core::time::Clock as _;
use countersign_edge::system::SystemClock;
use countersign_jose::algorithm::Algorithm;
use countersign_jose::sign::SigningKey;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// How long an answer may take before the test is over.
const PATIENCE: Duration = Duration::from_secs(20);
const KID: &str = "one";

/// The provider. It lives as long as the test's process.
#[derive(Debug)]
pub(crate) struct Provider(SocketAddr, Arc<Mutex<Given>>);

/// Refresh tokens: each is good once.
#[derive(Debug, Default)]
struct Given {
    counted: usize,
    good: BTreeMap<String, String>,
    /// How often one was taken, and how often one was refused.
    taken: usize,
    refused: usize,
    /// Where tokens are given back.
    revocation: Option<SocketAddr>,
}

impl Given {
    fn next(&mut self, subject: &str) -> String {
        self.counted += 1;
        let token = format!("refresh-token-{}-of-{subject}", self.counted);
        self.good.insert(token.clone(), subject.to_owned());
        token
    }
}

/// A request, or an answer.
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn read(stream: &TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        let headers = headers.collect::<Vec<_>>();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            first: lines.first()?.clone(),
            headers,
            body: String::from_utf8(body).ok()?,
        })
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let own = self.headers.iter().filter(move |(own, _)| own == name);
        own.map(|(_, value)| value.as_str())
    }
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let given = Arc::<Mutex<Given>>::default();
        let own = Arc::clone(&given);
        drop(thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if let Some(request) = Message::read(&stream) {
                    answer(&stream, &request, (&key, &own), at);
                }
            }
        }));
        Self(at, given)
    }

    /// How many refresh tokens were taken, and how many refused.
    pub(crate) fn refreshed(&self) -> (usize, usize) {
        let given = self.1.lock().unwrap();
        (given.taken, given.refused)
    }

    /// The table by which the gateway logs people in here.
    pub(crate) fn table(&self) -> String {
        let at = self.0;
        format!(
            "[login.home]\nissuer = \"http://{at}\"\nclient_id = \"public\"\nauthorization_url = \"http://{at}/authorize\"\n\
             token_url = \"http://{at}/token\"\njwk_set_url = \"http://{at}/keys\"\nuserinfo = \"never\"\n\
             danger_allow_http = true\n"
        )
    }

    /// The same by what is said of itself here: tokens are given back at `revocation`.
    pub(crate) fn table_of_its_own(&self, revocation: SocketAddr) -> String {
        self.1.lock().unwrap().revocation = Some(revocation);
        let at = self.0;
        format!(
            "[login.home]\nissuer = \"http://{at}\"\nclient_id = \"public\"\nuserinfo = \"never\"\n\
             danger_allow_http = true\n"
        )
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// A code is who it is for and the nonce, so that nothing has to be remembered.
fn answer(stream: &TcpStream, request: &Message, (key, given): (&SigningKey, &Mutex<Given>), at: SocketAddr) {
    let body = if request.first.contains(" /keys ") {
        format!("{{\"keys\":[{}]}}", key.public_jwk(KID).unwrap())
    } else if request.first.contains(" /.well-known/openid-configuration ") {
        let revocation = given.lock().unwrap().revocation.unwrap();
        let place = |path: &str| format!("http://{at}{path}");
        let document = json!({
            "issuer": place(""), "authorization_endpoint": place("/authorize"), "token_endpoint": place("/token"),
            "jwks_uri": place("/keys"), "revocation_endpoint": format!("http://{revocation}/revoke"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        document.to_string()
    } else {
        let form = form_urlencoded::parse(request.body.as_bytes()).into_owned();
        let form = form.collect::<BTreeMap<_, _>>();
        let mut given = given.lock().unwrap();
        let known = form.get("code").map(|code| code.split_once('.').unwrap());
        let known = known.map(|(subject, nonce)| (subject.to_owned(), Some(nonce), 0));
        let known = known.or_else(|| Some((given.good.remove(&form["refresh_token"])?, None, 300)));
        // The first access token is worth nothing by the time it is there.
        let Some((subject, nonce, lasts)) = known else {
            given.refused += 1;
            return write(stream, "400 Bad Request", "{\"error\":\"invalid_grant\"}");
        };
        given.taken += usize::from(nonce.is_none());
        let refresh = given.next(&subject);
        let now = SystemClock::new().now().wall.seconds();
        let mut claims = json!({
            "iss": format!("http://{at}"), "aud": "public", "sub": subject, "iat": now, "exp": now + 300,
            "sid": format!("sid-of-{subject}"),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let header = format!("\"kid\":\"{KID}\"");
        let token = key.sign(&header, claims.to_string().as_bytes()).unwrap();
        let access = format!("access-token-of-{subject}");
        let answer = json!({
            "id_token": token, "access_token": access, "token_type": "Bearer", "expires_in": lasts,
            "refresh_token": refresh,
        });
        answer.to_string()
    };
    write(stream, "200 OK", &body);
}

fn write(mut stream: &TcpStream, status: &str, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
}

/// Whatever is asked at `listener` next is answered with a bare 200; says what it was.
pub(crate) fn answer_one(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().unwrap();
    let request = Message::read(&stream).unwrap();
    write(&stream, "200 OK", "");
    request.body
}

/// A browser that keeps its cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser(BTreeMap<String, String>);

impl Browser {
    fn ask(&mut self, gateway: SocketAddr, target: &str) -> Message {
        let mut stream = TcpStream::connect(gateway).unwrap();
        let cookies = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let cookies = if cookies.is_empty() {
            cookies
        } else {
            format!("Cookie: {cookies}\r\n")
        };
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n\
             Connection: close\r\n{cookies}\r\n",
            gateway.port()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = Message::read(&stream).unwrap();
        for cookie in answer.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Logs in at the gateway as `person`, and looks who that is there.
    pub(crate) fn log_in(&mut self, gateway: SocketAddr, person: &str) {
        self.come_back(gateway, person);
        assert_eq!(self.subject(gateway).as_deref(), Some(person));
    }

    /// Logs in at the gateway as `person`.
    pub(crate) fn come_back(&mut self, gateway: SocketAddr, person: &str) {
        let away = self.ask(gateway, "/.countersign/login?to=%2F");
        let place = away.all("location").next().map(Url::parse);
        let Some(Ok(place)) = place else {
            panic!("{}\n{}", away.first, away.body);
        };
        let asked = place.query_pairs().into_owned().collect::<BTreeMap<_, _>>();
        let back = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &format!("{person}.{}", asked["nonce"]))
            .append_pair("state", &asked["state"])
            .finish();
        let back = self.ask(gateway, &format!("/.countersign/callback?{back}"));
        assert!(back.first.contains(" 303 "), "{}\n{}", back.first, back.body);
    }

    /// Logs out; says what the gateway answers.
    pub(crate) fn log_out(&mut self, gateway: SocketAddr) -> String {
        self.ask(gateway, "/.countersign/logout").first
    }

    /// Who is logged in here.
    pub(crate) fn subject(&mut self, gateway: SocketAddr) -> Option<String> {
        let answer = self.ask(gateway, "/.countersign/session");
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        told["subject"].as_str().map(ToOwned::to_owned)
    }

    /// Every cookie's value.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}
