addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
  for (const record of await event.registration.matchAll()) {
    const response = await record.responseReady;
    const { size, type } = await response.blob();
    console.log(`   ${new URL(response.url).pathname}: ${size} bytes, ${type}`);
  }
  await event.updateUI({ title: "Episode 5 is ready to listen!" });
})()));

navigator.serviceWorker.ready.then(async (swReg) => {
  await swReg.backgroundFetch.fetch("my-fetch", ["/ep-5.mp3", "ep-5-artwork.jpg"], {
    title: "Episode 5: Interesting things.",
    icons: [{ sizes: "300x300", src: "/ep-5-icon.png", type: "image/png" }],
    downloadTotal: 60 * 1024 * 1024,
  });
});
