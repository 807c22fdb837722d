/** What `tocsin doctor` takes on the command line. */
import type { Command } from 'commander'
import { defaultDirectory } from './arguments.ts'
import type { DoctorFlags } from './commands/doctor.ts'
import { format, waitMs } from './options.ts'
import type { ExitCode, Parts, Surroundings } from './parts.ts'

const defaultListenMs = 5_000

export function addDoctorCommand(
  program: Command,
  parts: Parts,
  surroundings: Surroundings,
  exit: (code: ExitCode) => void,
): void {
  program
    .command('doctor')
    .description('try brokers, accounts and files step by step, and say what is wrong and what to do')
    .argument('[dir]', 'the directory of the rules', defaultDirectory)
    .option('--listen <duration>', 'how long to listen for messages of the rules; 5s unless given', waitMs)
    .option('--thorough', 'also try with 1,200 messages of its own how many the broker lets wait')
    .option('--mosquitto-conf <file>', 'the configuration of Mosquitto, if it is not in /etc/mosquitto')
    .option('--format <format>', 'text or json', format, 'text')
    .action(
      async (
        dir: string,
        { listen = defaultListenMs, ...flags }: Partial<DoctorFlags> & Pick<DoctorFlags, 'format'>,
      ) => {
        const { doctor } = await import('./commands/doctor.ts')
        exit(await doctor(dir, { ...flags, listen }, parts, surroundings))
      },
    )
}
