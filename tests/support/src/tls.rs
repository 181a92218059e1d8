//! A certificate authority for one test, and its certificate for loopback.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub struct Tls {
  pub acceptor: TlsAcceptor,
  pub root_certificate_pem: String,
}

impl Tls {
  /// Speaks `protocol`, an ALPN name, and nothing else.
  pub fn new(protocol: &str) -> Self {
    Self::try_new(protocol).expect("a certificate for loopback")
  }

  /// Shows the certificate of the authority itself.
  pub fn of_an_authority() -> Self {
    Self::try_of_an_authority().expect("a certificate for loopback")
  }

  fn try_of_an_authority() -> Result<Self, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let pem = certificate.pem();
    let shown = certificate.der().clone();
    Self::showing(shown, &key, "http/1.1", pem)
  }

  fn try_new(protocol: &str) -> Result<Self, Box<dyn std::error::Error>> {
    // Roots that are not authority are refused by some clients, so there are
    // two certificates.
    let mut root = CertificateParams::new([])?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate()?;
    let root_certificate = root.self_signed(&root_key)?;
    let issuer = Issuer::new(root, root_key);

    let names = ["localhost", "127.0.0.1", "secure.test", "other.test"]
      .map(str::to_owned);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let pem = root_certificate.pem();
    Self::showing(leaf.der().clone(), &key, protocol, pem)
  }

  fn showing(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    protocol: &str,
    root_certificate_pem: String,
  ) -> Result<Self, Box<dyn std::error::Error>> {
    // More than one provider may be compiled in: none is the default then.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
      .with_safe_default_protocol_versions()?
      .with_no_client_auth()
      .with_single_cert(
        vec![certificate],
        PrivateKeyDer::try_from(key.serialize_der())?,
      )?;
    config.alpn_protocols = vec![protocol.into()];
    Ok(Self {
      acceptor: TlsAcceptor::from(Arc::new(config)),
      root_certificate_pem,
    })
  }
}
