//! A client that writes frames as they are.

use super::*;
use tokio_rustls::client::TlsStream;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// One frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field as a literal that is not remembered (RFC 7541 section 6.2.2).
pub(super) fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name.as_bytes(), value] {
        // Seven bits of length, and more where those are not enough.
        match u8::try_from(text.len()) {
            Ok(length) if length < 127 => field.push(length),
            _ => {
                let rest = text.len() - 127;
                assert!(rest < 128 * 128);
                field.extend([
                    127,
                    u8::try_from(rest % 128).unwrap() | 128,
                    u8::try_from(rest / 128).unwrap(),
                ]);
            }
        }
        field.extend(text);
    }
    field
}

const SOUND: [(&str, &[u8]); 4] = [
    (":method", b"GET"),
    (":scheme", b"https"),
    (":path", b"/open/"),
    (":authority", b"app.test"),
];

/// GET for an open page, and these fields.
pub(super) fn head(more: &[(&str, &[u8])]) -> Vec<u8> {
    let fields = SOUND.iter().chain(more);
    fields.flat_map(|(name, value)| field(name, value)).collect()
}

/// The same, but for one field.
pub(super) fn head_but(name: &str, value: &[u8]) -> Vec<u8> {
    let fields = SOUND
        .iter()
        .map(|(own, sound)| (*own, if *own == name { value } else { sound }));
    fields.flat_map(|(name, value)| field(name, value)).collect()
}

pub(super) struct Raw {
    pub(super) stream: TlsStream<TcpStream>,
}

/// What came back: frames, and whether the connection ended.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) frames: Vec<(u8, u32, Vec<u8>)>,
}

impl Running {
    /// A connection on which the preface and the settings have been sent.
    pub(super) async fn raw(&self) -> Raw {
        let mut stream = self.over_tls(&["h2"]).await;
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        Raw { stream }
    }
}

impl Raw {
    /// Writes until all is written or the other side has had enough.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// All that comes until the connection ends.
    pub(super) async fn rest(mut self) -> Came {
        let mut bytes = Vec::new();
        drop(self.stream.read_to_end(&mut bytes).await);
        Came::read(&bytes)
    }
}

impl Came {
    fn read(mut bytes: &[u8]) -> Self {
        let mut frames = Vec::new();
        while bytes.len() >= 9 {
            let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
            let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
            let Some(payload) = bytes.get(9..9 + length) else {
                break;
            };
            frames.push((bytes[3], stream, payload.to_vec()));
            bytes = &bytes[9 + length..];
        }
        Self { frames }
    }

    /// Why the connection was ended, as GOAWAY says it.
    pub(super) fn goodbye(&self) -> Option<Reason> {
        let mut frames = self.frames.iter().rev();
        let goodbye = frames.find(|(kind, ..)| *kind == GOAWAY)?;
        let code = goodbye.2.get(4..8)?.try_into().ok()?;
        Some(Reason::from(u32::from_be_bytes(code)))
    }

    /// Why this stream was ended, as RST_STREAM says it.
    pub(super) fn reset(&self, stream: u32) -> Option<Reason> {
        let found = self
            .frames
            .iter()
            .find(|(kind, on, _)| *kind == RST_STREAM && *on == stream)?;
        let code = found.2.as_slice().try_into().ok()?;
        Some(Reason::from(u32::from_be_bytes(code)))
    }
}
