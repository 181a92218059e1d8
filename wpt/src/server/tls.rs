//! An authority made on the spot, and its certificate for the tests' hosts.

use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::StartError;
use super::hosts;

pub struct Tls {
  pub acceptor: TlsAcceptor,
  pub root_certificate_pem: String,
}

impl Tls {
  pub fn new() -> Result<Self, StartError> {
    // Some clients refuse a root that is no authority: two certificates.
    let mut root = CertificateParams::new([])?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate()?;
    let root_certificate = root.self_signed(&root_key)?;
    let issuer = Issuer::new(root, root_key);

    let mut names: Vec<String> = hosts::all().collect();
    let others = [hosts::GENEROUS_HOST, "localhost", "127.0.0.1", "::1"];
    names.extend(others.map(str::to_owned));
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;

    // More than one provider may be compiled in: none is the default then.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der());
    let key = key.map_err(StartError::Key)?;
    let mut config = ServerConfig::builder_with_provider(provider)
      .with_safe_default_protocol_versions()?
      .with_no_client_auth()
      .with_single_cert(vec![leaf.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Self {
      acceptor: TlsAcceptor::from(Arc::new(config)),
      root_certificate_pem: root_certificate.pem(),
    })
  }
}
