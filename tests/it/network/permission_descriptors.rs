//! How permissions are written, as far as the network's are.

use std::borrow::Cow;
use std::path::Path;

use deno_permissions::*;

/// Knows the descriptors of the network; nothing here asks for others.
#[derive(Debug)]
pub struct NetOnly;

impl PermissionDescriptorParser for NetOnly {
  fn parse_net_descriptor(
    &self,
    text: &str,
  ) -> Result<NetDescriptor, NetDescriptorParseError> {
    NetDescriptor::parse_for_list(text)
  }

  fn parse_net_query(
    &self,
    text: &str,
  ) -> Result<NetDescriptor, NetDescriptorParseError> {
    NetDescriptor::parse_for_query(text)
  }

  fn parse_read_descriptor(
    &self,
    _: &str,
  ) -> Result<ReadDescriptor, PathResolveError> {
    unimplemented!()
  }

  fn parse_write_descriptor(
    &self,
    _: &str,
  ) -> Result<WriteDescriptor, PathResolveError> {
    unimplemented!()
  }

  fn parse_import_descriptor(
    &self,
    _: &str,
  ) -> Result<ImportDescriptor, NetDescriptorParseError> {
    unimplemented!()
  }

  fn parse_env_descriptor(
    &self,
    _: &str,
  ) -> Result<EnvDescriptor, EnvDescriptorParseError> {
    unimplemented!()
  }

  fn parse_sys_descriptor(
    &self,
    _: &str,
  ) -> Result<SysDescriptor, SysDescriptorParseError> {
    unimplemented!()
  }

  fn parse_allow_run_descriptor(
    &self,
    _: &str,
  ) -> Result<AllowRunDescriptorParseResult, RunDescriptorParseError> {
    unimplemented!()
  }

  fn parse_deny_run_descriptor(
    &self,
    _: &str,
  ) -> Result<DenyRunDescriptor, PathResolveError> {
    unimplemented!()
  }

  fn parse_ffi_descriptor(
    &self,
    _: &str,
  ) -> Result<FfiDescriptor, PathResolveError> {
    unimplemented!()
  }

  fn parse_path_query<'a>(
    &self,
    _: Cow<'a, Path>,
  ) -> Result<PathQueryDescriptor<'a>, PathResolveError> {
    unimplemented!()
  }

  fn parse_special_file_descriptor<'a>(
    &self,
    _: PathQueryDescriptor<'a>,
  ) -> Result<SpecialFilePathQueryDescriptor<'a>, PathResolveError> {
    unimplemented!()
  }

  fn parse_run_query<'a>(
    &self,
    _: &'a str,
  ) -> Result<RunQueryDescriptor<'a>, RunDescriptorParseError> {
    unimplemented!()
  }
}
