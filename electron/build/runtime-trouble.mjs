/**
 * Why a window cannot be shown, from what Electron wrote before it ended.
 * @param {string} stderr its last lines
 * @returns {string[]} lines for a person: what, then what to do
 */
export function explainTrouble(stderr, dist = 'node_modules/electron/dist') {
  const library = /error while loading shared libraries: ([^:\s]+)/.exec(stderr)?.[1]
  if (library) {
    return [
      `a library of the desktop is missing: ${library}`,
      'On Debian and Ubuntu: sudo apt-get install libgtk-3-0 libnss3 libasound2 libgbm1 libxss1 libatk-bridge2.0-0',
    ]
  }
  if (/No usable sandbox|SUID sandbox helper|setuid sandbox|zygote_host_impl|sandbox_linux|EPERM.*namespace/i.test(stderr)) {
    return [
      'this system refused the sandbox of the window',
      'Ubuntu 23.10 and newer keep programs outside of packages from using user namespaces (AppArmor). Portico does not',
      'switch its sandbox off. Let its helper have the right instead, once:',
      `  sudo chown root:root ${dist}/chrome-sandbox && sudo chmod 4755 ${dist}/chrome-sandbox`,
      'or allow it for every program until the next start of this computer:',
      '  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    ]
  }
  if (/Missing X server|cannot open display|Failed to connect to Wayland|ozone_platform_x11/i.test(stderr))
    return ['the display does not answer']
  const last = stderr
    .trim()
    .split('\n')
    .filter(line => !isChatter(line))
    .at(-1)
  return [last ? `Electron ended: ${last}` : 'Electron ended at once']
}

/** Lines that Chromium writes on healthy machines too. */
export function isChatter(line) {
  return /^\[\d+:(\d+:)?\d{4}\/\d+\.\d+:|^\s*$|Gtk-WARNING|GLib-GIO|libva error|MESA|dri3 extension/.test(line)
}
