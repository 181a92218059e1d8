//! [IndexedDB](https://w3c.github.io/IndexedDB/) of a realm's origin.

use super::Realm;
use crate::dom_exception::DomException;
use crate::engine::indexed_db::DatabaseClaim;

impl Realm {
  /// Waits for the turn of a request to open or to delete the database `name`.
  /// Those that were called first come first.
  ///
  /// # Errors
  ///
  /// The realm's origin is opaque.
  pub(crate) async fn claim_database(
    &self,
    name: String,
  ) -> Result<DatabaseClaim, DomException> {
    let origin = self.database_origin()?;
    let context = self.engine().context();
    let quota = context.quota(&self.options().url);
    Ok(context.indexed_db.claim(origin, name, quota).await)
  }

  /// The databases of the origin, with their versions, by name.
  ///
  /// # Errors
  ///
  /// The realm's origin is opaque.
  pub(crate) fn databases(&self) -> Result<Vec<(String, u64)>, DomException> {
    let origin = self.database_origin()?;
    Ok(self.engine().context().indexed_db.of(&origin))
  }

  /// Whose databases the realm's scripts see.
  ///
  /// # Errors
  ///
  /// The realm's origin is opaque.
  pub(crate) fn database_origin(&self) -> Result<String, DomException> {
    let url = &self.options().url;
    let origin = url.origin();
    if !origin.is_tuple() {
      return Err(DomException::Security(format!(
        "{url} has no origin that databases could belong to"
      )));
    }
    Ok(origin.ascii_serialization())
  }
}
