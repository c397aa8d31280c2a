//! Tests with certificate chains made on the spot.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::Value;

use super::*;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str, years: (i32, i32), signer: Option<&Issuer>) -> Issuer {
    let mut parameters = parameters(name, years);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    match signer {
        Some(signer) => CertifiedIssuer::signed_by(parameters, key, signer).unwrap(),
        None => CertifiedIssuer::self_signed(parameters, key).unwrap(),
    }
}

fn parameters(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    parameters.not_before = date_time_ymd(years.0, 1, 1);
    parameters.not_after = date_time_ymd(years.1, 1, 1);
    parameters
}

fn leaf(years: (i32, i32), signer: &Issuer) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let leaf = parameters("leaf.example", years)
        .signed_by(&key, signer)
        .unwrap();
    pem(&leaf.pem())
}

fn pem(text: &str) -> Certificate {
    Certificate {
        encoding: CertificateEncoding::Pem,
        data: text.as_bytes().to_vec(),
    }
}

fn distrust(cert: &Certificate, chain: Option<&[&Issuer]>, at: &str) -> String {
    let response = is_trusted(&CertificateVerification {
        cert: cert.clone(),
        cert_chain: chain.map(|chain| chain.iter().map(|issuer| pem(&issuer.pem())).collect()),
        not_after: Some(at.to_owned()),
    });
    let response: Value = serde_json::from_slice(&response.unwrap()).unwrap();
    let reason = response["reason"].as_str().unwrap().to_owned();
    assert_eq!(response["trusted"], reason.is_empty());
    reason
}

#[test]
fn trusts_certificates_that_chain_to_the_last_one() {
    let root = authority("root", (2000, 2010), None);
    let middle = authority("middle", (2000, 2040), Some(&root));
    let other = authority("other", (2000, 2040), None);
    let cert = leaf((2020, 2030), &middle);
    let untrusted = "Certificate is not trusted by the provided cert chain";
    let expired = "Certificate is being used after its expiration date";
    let early = "Certificate is being used before its validity date";
    for (chain, at, reason) in [
        (Some(&[&middle, &root][..]), "2025-06-01T12:00:00Z", ""),
        (Some(&[&middle, &root]), "2025-06-01T12:00:00+02:00", ""),
        (Some(&[&middle]), "2025-06-01T12:00:00Z", ""),
        (Some(&[&root]), "2025-06-01T12:00:00Z", untrusted),
        (Some(&[&middle, &other]), "2025-06-01T12:00:00Z", untrusted),
        (Some(&[]), "2025-06-01T12:00:00Z", untrusted),
        (None, "2025-06-01T12:00:00Z", untrusted),
        (Some(&[&middle, &root]), "2031-01-01T00:00:00Z", expired),
        (Some(&[&middle, &root]), "2019-01-01T00:00:00Z", early),
    ] {
        assert_eq!(
            distrust(&cert, chain, at),
            reason,
            "{at} {}",
            chain.map_or(0, <[_]>::len)
        );
    }
}

#[test]
fn verifies_now_without_an_instant_and_accepts_der() {
    let root = authority("root", (2000, 2090), None);
    for (years, trusted) in [((2000, 2090), true), ((2000, 2001), false)] {
        let cert = leaf(years, &root);
        for not_after in [None, Some(String::new())] {
            let der = Certificate {
                encoding: CertificateEncoding::Der,
                data: cert.der().unwrap().to_vec(),
            };
            let response = is_trusted(&CertificateVerification {
                cert: der,
                cert_chain: Some(vec![pem(&root.pem())]),
                not_after,
            });
            let response: Value = serde_json::from_slice(&response.unwrap()).unwrap();
            assert_eq!(response["trusted"], trusted);
        }
    }
}

#[test]
fn fails_for_unreadable_input() {
    let root = authority("root", (2000, 2090), None);
    let good = leaf((2000, 2090), &root);
    for (cert, chain, at) in [
        (pem("no certificate"), None, None),
        (
            Certificate {
                encoding: CertificateEncoding::Der,
                data: vec![0x30, 0x80],
            },
            None,
            None,
        ),
        (good.clone(), Some(vec![pem("no certificate")]), None),
        (good.clone(), None, Some("tomorrow")),
        (good, None, Some("1900-01-01T00:00:00Z")),
    ] {
        let response = is_trusted(&CertificateVerification {
            cert,
            cert_chain: chain,
            not_after: at.map(str::to_owned),
        });
        assert!(response.is_err(), "{response:?}");
    }
}
