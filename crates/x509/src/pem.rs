//! PEM (RFC 7468) as files hold it: text around the sections is passed over, a section itself has one reading.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One section of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Section {
    /// What it says it holds, as `CERTIFICATE`.
    pub label: String,
    /// The bytes.
    pub der: Vec<u8>,
}

/// What it holds may be a key: only the label is printed.
impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Section({})", self.label)
    }
}

/// Why text is no PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A section does not end, or another begins within it.
    #[error("the section that begins in line {0} does not end")]
    Unended(usize),
    /// A section's end names something else than its beginning.
    #[error("the section that begins in line {0} ends as something else")]
    OtherEnd(usize),
    /// A section is not base64, or has headers.
    #[error("the section that begins in line {0} is not base64")]
    Base64(usize),
    /// A line that begins a section is not whole.
    #[error("line {0} begins a section and is not whole")]
    Beginning(usize),
}

/// Every section of `text`, in its order.
pub fn sections(text: &[u8]) -> Result<Vec<Section>, PemError> {
    let mut found = Vec::new();
    let mut open = None::<(usize, &[u8], Vec<u8>)>;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii_end();
        match &mut open {
            None => {
                if let Some(rest) = line.strip_prefix(BEGIN) {
                    let label = rest.strip_suffix(DASHES).ok_or(PemError::Beginning(index + 1))?;
                    open = Some((index + 1, label, Vec::new()));
                }
            }
            Some((begun, label, body)) => {
                if let Some(rest) = line.strip_prefix(END) {
                    if rest.strip_suffix(DASHES) != Some(label) {
                        return Err(PemError::OtherEnd(*begun));
                    }
                    found.push(section(label, body).ok_or(PemError::Base64(*begun))?);
                    open = None;
                } else if line.starts_with(BEGIN) {
                    return Err(PemError::Unended(*begun));
                } else {
                    body.extend_from_slice(line);
                }
            }
        }
    }
    match open {
        None => Ok(found),
        Some((begun, ..)) => Err(PemError::Unended(begun)),
    }
}

fn section(label: &[u8], body: &[u8]) -> Option<Section> {
    Some(Section {
        label: String::from_utf8(label.to_vec()).ok()?,
        der: STANDARD.decode(body).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "a comment\n-----BEGIN CERTIFICATE-----\r\nAAEC\nAw==\n-----END CERTIFICATE-----\nafter\n";

    #[test]
    fn text_around_sections_is_passed_over() {
        let found = sections(GOOD.repeat(2).as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|section| section.label == "CERTIFICATE" && section.der == [0, 1, 2, 3])
        );
        assert_eq!(sections(b""), Ok(Vec::new()));
        assert!(!format!("{found:?}").contains('3'));
    }

    #[test]
    fn a_section_has_one_reading() {
        let error = |from: &str, to: &str| sections(GOOD.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error("-----END CERTIFICATE-----", ""), PemError::Unended(2));
        assert_eq!(error("END CERTIFICATE", "END CERT"), PemError::OtherEnd(2));
        assert_eq!(
            error("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE--"),
            PemError::Beginning(2)
        );
        assert_eq!(error("Aw==", "Aw="), PemError::Base64(2));
        assert_eq!(error("Aw==", "Ax=="), PemError::Base64(2), "bits left over");
        assert_eq!(error("AAEC", "AA EC"), PemError::Base64(2));
        assert_eq!(
            error("AAEC", "Proc-Type: 4,ENCRYPTED\n\nAAEC"),
            PemError::Base64(2)
        );
        assert_eq!(error("AAEC", "-----BEGIN X-----"), PemError::Unended(2));
    }
}
