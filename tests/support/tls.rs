//! A certificate authority for one test, and its certificate for loopback.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub struct Tls {
  pub acceptor: TlsAcceptor,
  pub root_certificate_pem: String,
}

impl Tls {
  /// Speaks `protocol`, an ALPN name, and nothing else.
  pub fn new(protocol: &str) -> Self {
    Self::try_new(protocol).expect("a certificate for loopback")
  }

  fn try_new(protocol: &str) -> Result<Self, Box<dyn std::error::Error>> {
    // Roots that are no authority are refused by some clients, so there are
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

    // More than one provider may be compiled in: none is the default then.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
      .with_safe_default_protocol_versions()?
      .with_no_client_auth()
      .with_single_cert(
        vec![leaf.der().clone()],
        PrivateKeyDer::try_from(key.serialize_der())?,
      )?;
    config.alpn_protocols = vec![protocol.into()];
    Ok(Self {
      acceptor: TlsAcceptor::from(Arc::new(config)),
      root_certificate_pem: root_certificate.pem(),
    })
  }
}
