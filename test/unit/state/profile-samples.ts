import type { StoredProfile } from '../../../electron/state/stored-state.ts'
import type { StoredKeys } from '../../../electron/state/vault.ts'

export const KEYS: StoredKeys = { tlsKey: 'tls key', tlsCert: 'tls cert', sshKey: 'ssh key', sshCert: 'ssh cert' }

export const sampleProfile = (proxy: string, more: Partial<StoredProfile> = {}): StoredProfile => ({
  proxy,
  cluster: 'root.example',
  user: 'alice',
  serverVersion: '13.0.0',
  roles: ['editor'],
  logins: ['ubuntu'],
  kubeUsers: [],
  kubeGroups: [],
  databaseUsers: ['*'],
  databaseNames: ['*'],
  validUntil: 1_795_420_968_000,
  hostCas: [{ cluster: 'root.example', tls: ['PEM'], ssh: ['ssh-rsa A'] }],
  trust: { extraRoots: [], caPin: undefined, insecure: false },
  ...more,
})
