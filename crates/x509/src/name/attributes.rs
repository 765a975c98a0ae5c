//! What OpenSSL calls the attributes of a distinguished name (`openssl list -objects`), and what RFC 4514 does.

use crate::der;

/// 2.5.4: X.520.
const X520: &[u8] = &[0x55, 0x04];
/// 0.9.2342.19200300.100.1: the COSINE pilot (RFC 4524).
const PILOT: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01];
/// 1.2.840.113549.1.9: PKCS #9 (RFC 2985).
const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];
/// 1.3.6.1.4.1.311.60.2.1: where a company is registered (CA/Browser Forum).
const JURISDICTION: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01];

/// The last number of an object identifier, and OpenSSL's short name for it.
type Names = &'static [(u8, &'static str)];

const ARCS: [(&[u8], Names); 4] = [
    (X520, X520_NAMES),
    (PKCS9, PKCS9_NAMES),
    (PILOT, PILOT_NAMES),
    (
        JURISDICTION,
        &[(1, "jurisdictionL"), (2, "jurisdictionST"), (3, "jurisdictionC")],
    ),
];

#[rustfmt::skip]
const X520_NAMES: Names = &[
    (3, "CN"), (4, "SN"), (5, "serialNumber"), (6, "C"), (7, "L"), (8, "ST"), (9, "street"), (10, "O"), (11, "OU"),
    (12, "title"), (13, "description"), (14, "searchGuide"), (15, "businessCategory"), (16, "postalAddress"),
    (17, "postalCode"), (18, "postOfficeBox"), (19, "physicalDeliveryOfficeName"), (20, "telephoneNumber"),
    (21, "telexNumber"), (22, "teletexTerminalIdentifier"), (23, "facsimileTelephoneNumber"), (24, "x121Address"),
    (25, "internationaliSDNNumber"), (26, "registeredAddress"), (27, "destinationIndicator"),
    (28, "preferredDeliveryMethod"), (29, "presentationAddress"), (30, "supportedApplicationContext"), (31, "member"),
    (32, "owner"), (33, "roleOccupant"), (34, "seeAlso"), (35, "userPassword"), (36, "userCertificate"),
    (37, "cACertificate"), (38, "authorityRevocationList"), (39, "certificateRevocationList"),
    (40, "crossCertificatePair"), (41, "name"), (42, "GN"), (43, "initials"), (44, "generationQualifier"),
    (45, "x500UniqueIdentifier"), (46, "dnQualifier"), (47, "enhancedSearchGuide"), (48, "protocolInformation"),
    (49, "distinguishedName"), (50, "uniqueMember"), (51, "houseIdentifier"), (52, "supportedAlgorithms"),
    (53, "deltaRevocationList"), (54, "dmdName"), (65, "pseudonym"), (72, "role"), (97, "organizationIdentifier"),
    (98, "c3"), (99, "n3"), (100, "dnsName"),
];

#[rustfmt::skip]
const PILOT_NAMES: Names = &[
    (1, "UID"), (2, "textEncodedORAddress"), (3, "mail"), (4, "info"), (5, "favouriteDrink"), (6, "roomNumber"),
    (7, "photo"), (8, "userClass"), (9, "host"), (10, "manager"), (11, "documentIdentifier"), (12, "documentTitle"),
    (13, "documentVersion"), (14, "documentAuthor"), (15, "documentLocation"), (20, "homeTelephoneNumber"),
    (21, "secretary"), (22, "otherMailbox"), (23, "lastModifiedTime"), (24, "lastModifiedBy"), (25, "DC"),
    (26, "aRecord"), (27, "pilotAttributeType27"), (28, "mXRecord"), (29, "nSRecord"), (30, "sOARecord"),
    (31, "cNAMERecord"), (37, "associatedDomain"), (38, "associatedName"), (39, "homePostalAddress"),
    (40, "personalTitle"), (41, "mobileTelephoneNumber"), (42, "pagerTelephoneNumber"), (43, "friendlyCountryName"),
    (44, "uid"), (45, "organizationalStatus"), (46, "janetMailbox"), (47, "mailPreferenceOption"),
    (48, "buildingName"), (49, "dSAQuality"), (50, "singleLevelQuality"), (51, "subtreeMinimumQuality"),
    (52, "subtreeMaximumQuality"), (53, "personalSignature"), (54, "dITRedirect"), (55, "audio"),
    (56, "documentPublisher"),
];

#[rustfmt::skip]
const PKCS9_NAMES: Names = &[
    (1, "emailAddress"), (2, "unstructuredName"), (3, "contentType"), (4, "messageDigest"), (5, "signingTime"),
    (6, "countersignature"), (7, "challengePassword"), (8, "unstructuredAddress"),
    (9, "extendedCertificateAttributes"), (14, "extReq"), (15, "SMIME-CAPS"), (16, "SMIME"), (20, "friendlyName"),
    (21, "localKeyID"),
];

/// OpenSSL's short name of an attribute type.
pub(crate) fn short_name(oid: &[u8]) -> Option<&'static str> {
    let (last, arc) = oid.split_last()?;
    let (_, names) = ARCS.iter().find(|(prefix, _)| *prefix == arc)?;
    names
        .iter()
        .find(|(number, _)| number == last)
        .map(|(_, name)| *name)
}

/// The attribute type that OpenSSL calls `name`, or whose dots it is.
pub(crate) fn object_identifier(name: &str) -> Option<Vec<u8>> {
    let known = ARCS.iter().find_map(|(prefix, names)| {
        let (number, _) = names.iter().find(|(_, known)| *known == name)?;
        Some([prefix, [*number].as_slice()].concat())
    });
    known.or_else(|| der::oid(name))
}

/// The names of RFC 4514 section 3, the only ones that every reader of it knows.
pub(crate) fn rfc4514_name(oid: &[u8]) -> Option<&'static str> {
    match short_name(oid)? {
        "street" => Some("STREET"),
        name @ ("CN" | "L" | "ST" | "O" | "OU" | "C" | "DC" | "UID") => Some(name),
        _ => None,
    }
}

/// The attribute type that RFC 4514 calls `name` and OpenSSL does not.
pub(crate) fn rfc4514_identifier(name: &str) -> Option<Vec<u8>> {
    (name == "STREET").then(|| object_identifier("street")).flatten()
}
