//! One TCP connection, with or without TLS on it.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub enum Wire {
  Plain(TcpStream),
  Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
  fn tcp(&self) -> &TcpStream {
    match self {
      Self::Plain(tcp) => tcp,
      Self::Tls(tls) => tls.get_ref().0,
    }
  }

  /// Whether client and server have agreed on it.
  pub fn speaks_http2(&self) -> bool {
    match self {
      Self::Plain(_) => false,
      Self::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
    }
  }

  /// The same connection without TLS, for one who wants to end it while
  /// another has it. It is closed when both are dropped.
  pub fn tcp_again(&self) -> io::Result<Self> {
    let again = self.tcp().as_fd().try_clone_to_owned()?;
    Ok(Self::Plain(TcpStream::from_std(again.into())?))
  }

  /// Closes with an RST, in place of the orderly end.
  pub fn reset(self) {
    // A peer that is gone already has its reset.
    let _ = self.tcp().set_zero_linger();
  }

  /// How many bytes were written and have not arrived.
  #[cfg(target_os = "linux")]
  #[expect(unsafe_code, reason = "an ioctl that has no safe function")]
  pub fn unacknowledged(&self) -> i32 {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    /// `SIOCOUTQ`, which is not in rustix by name.
    const SIOCOUTQ: Opcode = 0x5411;
    // SAFETY: SIOCOUTQ writes one int, and takes nothing.
    unsafe { ioctl(self.tcp(), Getter::<SIOCOUTQ, i32>::new()) }.unwrap_or(0)
  }

  /// Unknown here; a reset may overtake bytes that were written before it.
  #[cfg(not(target_os = "linux"))]
  pub fn unacknowledged(&self) -> i32 {
    0
  }

  fn stream(self: Pin<&mut Self>) -> Pin<&mut dyn Stream> {
    match self.get_mut() {
      Self::Plain(tcp) => Pin::new(tcp),
      Self::Tls(tls) => Pin::new(tls),
    }
  }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl AsyncRead for Wire {
  fn poll_read(
    self: Pin<&mut Self>,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
  ) -> Poll<io::Result<()>> {
    self.stream().poll_read(context, buffer)
  }
}

impl AsyncWrite for Wire {
  fn poll_write(
    self: Pin<&mut Self>,
    context: &mut Context<'_>,
    bytes: &[u8],
  ) -> Poll<io::Result<usize>> {
    self.stream().poll_write(context, bytes)
  }

  fn poll_flush(
    self: Pin<&mut Self>,
    context: &mut Context<'_>,
  ) -> Poll<io::Result<()>> {
    self.stream().poll_flush(context)
  }

  fn poll_shutdown(
    self: Pin<&mut Self>,
    context: &mut Context<'_>,
  ) -> Poll<io::Result<()>> {
    self.stream().poll_shutdown(context)
  }
}
