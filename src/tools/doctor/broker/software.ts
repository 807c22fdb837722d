/** Which broker it is, and whether a Mosquitto is set so that it loses what it has acknowledged. */
import type { Finding, Tell } from '../finding.ts'
import { isThisMachine } from '../reach.ts'
import type { BrokerWorld } from './broker-world.ts'
import { type MosquittoConf, type ReadConf, readMosquittoConf } from './mosquitto-conf.ts'

/** Mosquitto lets so many messages wait for a session that is away, unless told otherwise. */
export const defaultQueue = 1_000
/** Fewer than this are soon reached: a thousand devices, once a minute, in ten minutes. */
const fewQueued = 10_000
const defaultAutosaveSeconds = 1_800
/** As often as docs/operations.md has Mosquitto 2.0 save. */
const oftenSeconds = 5
const page = 'docs/operations.md says what it costs.'

export async function checkSoftware(
  world: BrokerWorld,
  seen: { readonly version: string | null; readonly addresses: readonly string[] },
  tell: Tell,
): Promise<void> {
  const { version } = seen
  if (world.embedded) {
    tell({
      check: 'software',
      state: 'warn',
      what: 'This is the built-in broker: it keeps its sessions in memory, and what waits in it is lost when Tocsin stops.',
      next: 'Use Mosquitto where nothing may be lost.',
    })
    return
  }
  const known = version ?? ''
  const [, major = '0', minor = '0'] = /mosquitto version (\d+)\.(\d+)/i.exec(known) ?? []
  const about = {
    file: world.mosquittoConf,
    port: world.settings.endpoint.port,
    keepsOnDisk: Number(major) > 2 || (major === '2' && Number(minor) >= 1),
    sessionExpirySeconds: world.settings.sessionExpirySeconds,
    thorough: world.thorough,
  }
  const here = isThisMachine(seen.addresses)
  const read = here ? readMosquittoConf(about.file) : null
  if (version === null) {
    const what = 'The broker does not say what it is, or not to us (`$SYS/broker/version`).'
    tell({ check: 'software', state: 'ok', what })
    // A configuration for this very port says more.
    if (read?.ok !== true || !read.conf.ports.includes(about.port)) return
  } else tell({ check: 'software', state: 'ok', what: `The broker is ${version}.` })
  if (version !== null && major === '0') return
  const found =
    read === null ? [unseen('the broker runs on another machine', about)] : settingsFindings(read, about)
  for (const finding of found) tell(finding)
}

function unseen(why: string, { thorough }: Pick<BrokerWorld, 'thorough'>): Finding {
  return {
    check: 'settings',
    state: 'skipped',
    what: `Whether its settings lose messages is not known: ${why}, and they cannot be asked for over MQTT.`,
    cause:
      'Its defaults lose messages: no persistence, and only 1,000 messages wait for a Tocsin that is away.',
    next: `Compare its configuration with docs/operations.md, or name the file: --mosquitto-conf FILE.${thorough ? '' : ' `--thorough` tries how many messages wait.'}`,
  }
}

/** What the configuration of a Mosquitto would lose. */
export function settingsFindings(
  read: ReadConf,
  about: {
    readonly file: string
    readonly port: number
    /** Mosquitto 2.1 and later can commit as it acknowledges. */
    readonly keepsOnDisk: boolean
    readonly sessionExpirySeconds: number
    readonly thorough: boolean
  },
): Finding[] {
  const { file, port } = about
  if (!read.ok) {
    const why = read.code === 'ENOENT' ? `there is no ${file}` : `${file} cannot be read (${read.code})`
    return [unseen(why, about)]
  }
  const { conf } = read
  if (!conf.ports.includes(port)) {
    const why = `${file} is of another broker: it listens on port ${conf.ports.join(', ')}, not ${port}`
    return [unseen(why, about)]
  }
  const warnings = [persistence(conf, about), queue(conf, about), sizeLimit(conf), expiry(conf, about)]
  const found = warnings.filter((finding) => finding !== null)
  if (conf.unread.length > 0) {
    found.push({
      check: 'settings',
      state: 'skipped',
      what: `${file} includes ${conf.unread[0]}, which cannot be read here: what stands there is not known.`,
    })
  } else if (found.length === 0) {
    const crash = about.keepsOnDisk
      ? ''
      : ' (Mosquitto 2.0 that is killed can still lose the last 2 s; 2.1 does not.)'
    found.push({
      check: 'settings',
      state: 'ok',
      what: `${file} keeps what the broker acknowledged.${crash}`,
    })
  }
  return found
}

function warning(what: string, cause: string, line: string): Finding {
  return {
    check: 'settings',
    state: 'warn',
    what,
    cause,
    next: `Write ${line} into its configuration; ${page}`,
  }
}

function persistence(
  { values, plugins, unread }: MosquittoConf,
  { file, keepsOnDisk }: { readonly file: string; readonly keepsOnDisk: boolean },
): Finding | null {
  if (plugins.some((plugin) => plugin.includes('persist_sqlite'))) {
    const flush = values.get('plugin_opt_flush_period') ?? '5'
    if (flush === '0') return null
    return warning(
      `Mosquitto that is killed loses up to ${flush} s of what it acknowledged.`,
      `${file}: plugin_opt_flush_period is ${flush} (5 unless set).`,
      '`plugin_opt_flush_period 0`',
    )
  }
  if (values.get('persistence') !== 'true') {
    // It may stand in what cannot be read.
    if (unread.length > 0) return null
    return warning(
      'Mosquitto loses everything that waits for Tocsin when it is stopped or restarted.',
      `${file}: persistence is off, as it is unless set.`,
      '`persistence true`, and where: `persistence_location /var/lib/mosquitto/`',
    )
  }
  const seconds = Number(values.get('autosave_interval') ?? defaultAutosaveSeconds)
  const changes = values.get('autosave_on_changes') === 'true'
  if (changes ? seconds <= 1 : seconds > 0 && seconds <= oftenSeconds) return null
  const long = changes
    ? `the last ${seconds.toLocaleString('en')} changes`
    : seconds === 0
      ? 'everything since its start'
      : seconds % 60 === 0
        ? `up to ${seconds / 60} minutes`
        : `up to ${seconds} s`
  return warning(
    `Mosquitto that is killed, or loses power, loses ${long} of what it acknowledged.`,
    `${file}: autosave_interval is ${seconds}${values.has('autosave_interval') ? '' : ' (the default)'}.`,
    `\`autosave_interval 1\`${keepsOnDisk ? ' or the SQLite plugin' : ''}`,
  )
}

function queue({ values }: MosquittoConf, { file }: { readonly file: string }): Finding | null {
  const most = Number(values.get('max_queued_messages') ?? defaultQueue)
  if (most === 0 || most >= fewQueued) return null
  return warning(
    `While Tocsin is away only ${most.toLocaleString('en')} messages wait for it; Mosquitto drops those after them, though it acknowledged them.`,
    `${file}: max_queued_messages is ${most}${values.has('max_queued_messages') ? '' : ' (the default)'}.`,
    '`max_queued_messages 500000`',
  )
}

function sizeLimit({ values }: MosquittoConf): Finding | null {
  const limit = Number(values.get('message_size_limit') ?? 0)
  if (limit === 0) return null
  return warning(
    `Mosquitto acknowledges messages of more than ${limit} bytes and drops them.`,
    'message_size_limit is set.',
    '`max_packet_size` instead, which tells the sender,',
  )
}

const unitSeconds: Readonly<Record<string, number>> = {
  h: 3_600,
  d: 86_400,
  w: 604_800,
  m: 2_629_746,
  y: 31_556_952,
}

/** A session that the broker forgets sooner than Tocsin asks for takes its messages with it. */
function expiry(
  { values }: MosquittoConf,
  { file, sessionExpirySeconds }: { readonly file: string; readonly sessionExpirySeconds: number },
): Finding | null {
  const written = values.get('persistent_client_expiration')
  const [, count, unit = ''] = /^(\d+)\s*([hdwmy])$/.exec(written ?? '') ?? []
  const seconds = Number(count ?? Number.NaN) * (unitSeconds[unit] ?? Number.NaN)
  if (Number.isNaN(seconds) || seconds >= sessionExpirySeconds) return null
  return warning(
    `Mosquitto forgets the session of a Tocsin that is away for ${written}, and what waits in it.`,
    `${file}: persistent_client_expiration is ${written}.`,
    '`persistent_client_expiration 14d`',
  )
}
