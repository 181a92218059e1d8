// As much of XMLHttpRequest as one helper of upstream's security features asks
// for what its server has stored: over the realm's own fetch().

(function () {
class XMLHttpRequest extends EventTarget {
  #method;
  #url;
  responseType = "";
  response = null;
  status = 0;
  statusText = "";

  open(method, url) {
    this.#method = method;
    this.#url = url;
  }

  async send() {
    try {
      const response = await fetch(this.#url, { method: this.#method });
      this.response = this.responseType === "json"
        ? await response.json()
        : await response.text();
      this.status = response.status;
      this.statusText = response.statusText;
    } catch {
      this.dispatchEvent(new Event("error"));
      return;
    }
    this.dispatchEvent(new Event("load"));
  }
}

return { XMLHttpRequest };
})();
