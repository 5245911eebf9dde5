package program

// Host is what the few images that are real programs find around them, as on a machine of AWS.
type Host struct {
	// Sluice is the file of the controller's binary; empty: there is none.
	Sluice string
	// APIServer is where the cluster's API answers.
	APIServer string
	// Env is there before what the container says, for a program with these arguments: its mode
	// decides what it may do in AWS. nil: nothing.
	Env func(args []string) []string
}
