import type { Command } from 'commander';
import { jobOptions, octal } from './options.ts';
import type { Choose } from './program.ts';

/** Files out to the machines, and back from them. */
export function fileCommands(program: Command, choose: Choose): void {
  copyCommand(program, choose);
}

function copyCommand(program: Command, choose: Choose): void {
  jobOptions(
    program
      .command('copy')
      .summary('copy a file or a folder to machines')
      .description(
        'Copies a file, or a folder with all that is in it, to the machines that are meant. Each host checks the digest, puts files in place all at once, and leaves alone what is there already.',
      )
      .argument('<file>', 'the file or folder here')
      .argument('<path>', 'the full path that it gets there: /etc/motd, not /etc/'),
  )
    .option('--owner <user>', "who owns it there (the agent's user where not said)")
    .option('--group <group>', 'its group there')
    .option('--mode <mode>', 'permissions of the file (as they are here where not said)', octal)
    .option('--check', 'say what would change, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  muster copy -t 'web-*' nginx.conf /etc/nginx/nginx.conf --mode 0644
  muster copy -l role=web site /var/www/site --owner www-data --check
  muster copy -t all image.tar.gz /srv/image.tar.gz --ttl 2h --timeout 1h

A folder's files are added to what is there: nothing is removed. "site" and "site/" are the same. Links stay
links. An upload that was cut goes on where it was, here and on each host.`,
    )
    .action((file: string, path: string, options) =>
      choose(async (surroundings) =>
        (await import('../copy-command.ts')).copy(surroundings, file, path, options),
      ),
    );
}
