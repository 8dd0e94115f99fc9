// Says what is wrong where the page's own script could not run: opened as a file, or in a browser that is too old for it.
addEventListener('load', function () {
  if (window.customElements && customElements.get('windrow-app')) return;
  document.querySelector('windrow-app').textContent =
    location.protocol === 'file:'
      ? 'windrow cannot run from a file: browsers refuse its scripts there. Open it from a web server, over https or from localhost: "npx vite ' +
        'preview", say, in its folder.'
      : 'The script of this page could not be run. Reload the page; if that does not help, use a current version of Chrome, Edge, Safari or Firefox.';
});
