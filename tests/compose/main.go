// Command compose prints a Compose file as the Compose library reads it: merged, interpolated, normalised, as JSON. What
// is wrong with the file it says, and fails. PROFILES are the active ones, separated by commas: all of them without the
// argument, none if it is empty.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "compose FILE ENV_FILE [PROFILES]")
		os.Exit(2)
	}
	profiles := []string{"*"}
	if len(os.Args) == 4 {
		profiles = strings.FieldsFunc(os.Args[3], func(letter rune) bool { return letter == ',' })
	}
	if err := normalise(os.Args[1], os.Args[2], profiles); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func normalise(file, envFile string, profiles []string) error {
	options, err := cli.NewProjectOptions(
		[]string{file},
		cli.WithEnvFiles(envFile),
		cli.WithDotEnv,
		cli.WithProfiles(profiles),
		cli.WithNormalization(true),
		cli.WithConsistency(true),
		cli.WithInterpolation(true),
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	text, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
