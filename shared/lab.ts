/** The cluster name of every lab. cli.md "Lab and cluster" */
export const LAB_CLUSTER = 'lab'

/** Whether a profile is a sign-in to a lab on this computer. */
export const isOfLab = ({ proxy, cluster }: { readonly proxy: string; readonly cluster: string }): boolean =>
  cluster === LAB_CLUSTER && /^localhost:\d+$/.test(proxy)
